"""What the golden folder says to someone who writes an app."""

from string import Template

README = Template("""\
What $file must be fed, and what it must answer

$images pictures with the exact bytes at both ends of the file. Put them into your app's tests:

  1. Feed NN_input.bin. If the output is not NN_output.bin (a step or two of difference
     is a matter of the processor), the file is not run as it should be.
  2. Load NN.png through your app's own code and write down the bytes that it feeds. They
     must be NN_input.bin, byte for byte: the picture already has the file's size.
  3. Load NN_large.png, which your app must resize. Squash it to the file's size with an
     antialiased bilinear filter; do not crop it, and add no border.

When something differs, write the bytes that your app feeds (or gets) to a file and ask:

  cnnedge match $file dump.bin

It names the mistake: red and blue exchanged, pixels scaled twice, int8 for uint8, ...
Writing the bytes down takes one line: Kotlin File(filesDir, "dump.bin").writeBytes(bytes);
Swift try data.write(to: url); Dart File(path).writeAsBytesSync(bytes); Python
array.tofile("dump.bin").

golden.json has the shapes, types, scales and zero points of both ends, the labels in the
order of the output, and for each picture its class ("label") and the file's answer.
Numbers are little endian; pictures lie row by row, channels together (NHWC) unless
golden.json's input shape says otherwise.

The pictures are test images of $data, and the large ones are the same, enlarged.
Their licence: $licence
Pass this folder on only as far as that licence allows. The images of CIFAR-10 may not be
redistributed: a folder made from them is for your own use.
""")
