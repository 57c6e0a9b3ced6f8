"""Prints colours of 24 bits, styles, emoji, wide and combining characters and links."""
import sys

out = sys.stdout
for y in range(12):
    for x in range(60):
        out.write(f"\x1b[48;2;{x * 4};{y * 20};{255 - x * 4};38;2;{255 - y * 20};{x * 2};90m{chr(33 + (x + y) % 90)}")
    out.write("\x1b[0m\n")
for n in range(256):
    out.write(f"\x1b[38;5;{n}m{n:4}")
out.write("\x1b[0m\n")
for n in (1, 2, 3, 4, 5, 7, 8, 9, 21, 53):
    out.write(f"\x1b[{n}mstyle {n}\x1b[0m ")
out.write("\x1b[4:3;58:2::255:0:0mcurly\x1b[0m \x1b[4:4;58;5;120mdotted\x1b[0m\n")
out.write("👍🏽 👩‍👩‍👧 🇩🇪 ❤️ 日本語 한국어 ｆｕｌｌ e\u0301 n\u0303 à\u0323 עברית हिन्दी\n" * 3)
out.write("\x1b]8;id=a;https://example.org/a?b=c;d\x1b\\a link\x1b]8;;\x1b\\ and text\n")
out.write("漢" * 55 + "\n")
out.flush()
