"""The script on few images; what it does is tested in tests/studies/test_recipe_trials.py."""


def test_one_change_of_the_smallest_network(run_script, tmp_path):
    arguments = ("mnist-tiny", "zoom=0", "--epochs", 1, "--images", 512, "--judged", 300, "--work", tmp_path)
    done = run_script("recipe_trial.py", *arguments)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["seed", "top-1", "NLL", "images/s", "recipe"]
    assert [(line.split()[0], line.split()[-1]) for line in lines[1:5]] == [
        ("0", "present"), ("0", "zoom=0"), ("1", "present"), ("1", "zoom=0"),
    ]  # fmt: skip
    assert lines[5].startswith("zoom=0: top-1 ") and "seeds differ by" in lines[5]
    assert (tmp_path / "trials.json").is_file()


def test_a_change_that_is_none_is_one_line(run_script, tmp_path):
    done = run_script("recipe_trial.py", "mnist-tiny", "zooms=0", "--work", tmp_path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "no setting 'zooms' of a recipe" in done.stderr
