// The live camera, where the page may have it: on https or on this very computer.

const PAUSE_MS = 200;

export class Camera {
  // `look(video)` is called for a frame, and again when its promise has resolved.
  constructor({video, button, note}, look) {
    Object.assign(this, {video, button, note, look, stream: null});
    this.button.addEventListener("click", () => (this.stream ? this.stop() : this.start()));
    if (!navigator.mediaDevices?.getUserMedia) {
      this.button.disabled = true;
      this.note.textContent =
        "This browser gives the camera to https pages only (cnnedge demo --https). Take a photo instead: it needs none.";
    }
  }

  async start() {
    this.note.textContent = "";
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}, audio: false});
    } catch (error) {
      this.note.textContent = REASONS[error.name] ?? `The camera does not start: ${error.message}`;
      return;
    }
    this.video.srcObject = this.stream;
    this.button.textContent = "Stop the camera";
    await this.video.play();
    this.watch(this.stream);
  }

  async watch(stream) {
    while (this.stream === stream) {
      if (this.video.videoWidth > 0) await this.look(this.video);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.button.textContent = "Start the camera";
  }
}

const REASONS = {
  NotAllowedError: "The camera was refused: allow it in the browser's settings for this page, or choose a photo.",
  NotFoundError: "No camera was found: choose a photo.",
  NotReadableError: "Another program is using the camera: close it, or choose a photo.",
};
