"""A progress bar as installers draw it, with a line that comes and goes below it."""
import shutil
import sys

width = shutil.get_terminal_size().columns
for n in range(0, 101, 2):
    done = (width - 12) * n // 100
    sys.stdout.write(f"\r\x1b[32m{'█' * done}\x1b[90m{'░' * (width - 12 - done)}\x1b[0m {n:3}%")
    sys.stdout.write(f"\n\x1b[2Kpackage-{n}\x1b[A")
    sys.stdout.flush()
sys.stdout.write("\n\n\x1b[2Kall done\n")
