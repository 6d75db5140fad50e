"""Two networks of digits before any training."""


def test_a_row_for_each_stack(run_script):
    done = run_script("stack_speed.py", "mnist-tiny", "8-P-8", "8-P-16-P", "--num-runs", 3)
    assert done.returncode == 0, done.stderr
    head, *rows = (line.split() for line in done.stdout.splitlines())
    assert head == ["parameters", "MMAC", "int8", "bytes", "float32", "int8", "stack"]
    # 3 x 3 kernels, a bias that batch normalization makes four of, and a Dense head behind the average of 8 maps, or
    # the 7 x 7 maps of 16: 72 + 32 + 576 + 32 + 90, and 72 + 32 + 1,152 + 64 + 7,850.
    assert [(row[0], row[-1]) for row in rows] == [("802", "8-P-8"), ("9,170", "8-P-16-P")]
    assert all(0 < float(row[3]) < 1e5 and 0 < float(row[4]) < 1e5 for row in rows)
    assert int(rows[0][2].replace(",", "")) < int(rows[1][2].replace(",", ""))


def test_what_is_no_stack_is_one_line(run_script):
    done = run_script("stack_speed.py", "mnist-tiny", "8-Q")
    assert done.returncode == 2 and "the stack is '8-Q', expected filters and poolings" in done.stderr
    assert len(done.stderr.splitlines()) == 1
