"""A curses program: a menu with colours, borders, wide characters and a scrolling region."""
import curses


def main(screen):
    curses.curs_set(0)
    curses.use_default_colors()
    for n in range(1, 8):
        curses.init_pair(n, n, -1)
    names = ["Open", "Datei öffnen", "ファイルを開く", "e\u0301tat", "Quit"]
    pad = screen.derwin(6, 30, 10, 4)
    pad.scrollok(True)
    pad.idlok(True)
    at = 0
    while True:
        screen.border()
        for i, name in enumerate(names):
            screen.addstr(2 + i, 4, name, curses.color_pair(i + 1) | (curses.A_REVERSE if i == at else curses.A_BOLD))
        pad.addstr(f"chosen {at}: {names[at]}\n", curses.A_UNDERLINE)
        screen.hline(8, 1, curses.ACS_HLINE, 40)
        screen.refresh()
        pad.refresh()
        key = screen.getch()
        if key == ord("q"):
            return
        at = (at + (1 if key in (ord("j"), curses.KEY_DOWN) else -1)) % len(names)


curses.wrapper(main)
