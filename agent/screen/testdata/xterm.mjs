// Answers what xterm.js shows: reads one JSON request a line, {cols, rows, scrollback, steps: [{write: base64} |
// {resize: [cols, rows]}]}, and writes one JSON line with the state of a headless xterm.js after them.
//
//	node xterm.mjs DIRECTORY_WITH_NODE_MODULES UNICODE_TABLE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const [, , modules, tablePath] = process.argv;
const { Terminal } = createRequire(resolve(modules, "package.json"))("@xterm/headless");

const table = readFileSync(tablePath, "utf8");
const ranges = (name) => table.match(new RegExp(`export const ${name}[^=]*= \\[([^\\]]*)\\]`))[1].split(",").map((n) => n.trim()).filter(Boolean).map(Number);
const [zero, wide] = [ranges("zero"), ranges("wide")];
const within = (list, c) => {
  let low = 0;
  let high = list.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (c < list[2 * middle]) high = middle - 1;
    else if (c > list[2 * middle + 1]) low = middle + 1;
    else return true;
  }
  return false;
};
const wcwidth = (c) => (within(zero, c) ? 0 : within(wide, c) ? 2 : 1);
const unicode = {
  version: "15",
  wcwidth,
  charProperties(c, preceding) {
    const width = wcwidth(c);
    const before = (preceding >> 1) & 3;
    return width === 0 && before > 0 ? (before << 1) | 1 : width << 1;
  },
};

const hex = (n) => (n >>> 0).toString(16);
const colour = (n) => {
  const kind = n & 0x3000000;
  return (n & 0xfc000000) | kind | (kind === 0x3000000 ? n & 0xffffff : kind ? n & 0xff : 0);
};

/** What a look is made of, in words. */
function look(core, fg, bg, extended) {
  const has = bg & 0x10000000 && extended;
  const uri = has && extended.urlId ? core._oscLinkService.getLinkData(extended.urlId)?.uri ?? "" : "";
  // A link has no underline of its own; one that is only flagged is a single one.
  const style = uri ? 9 : (has && (extended._ext >> 26) & 7) || (fg & 0x10000000 ? 1 : 0);
  const parts = [hex(colour(fg & ~0x10000000)), hex(colour(bg & ~0x10000000))];
  if (style) parts.push(`${style},${has ? hex(extended._ext & 0x3ffffff) : "0"},${uri}`);
  return `[${parts.join(":")}]`;
}

function line(core, row, cols) {
  let text = "";
  let last = "[0:0]";
  let kept = 0;
  for (let x = 0; x < cols; x++) {
    const content = row._data[3 * x];
    const now = look(core, row._data[3 * x + 1], row._data[3 * x + 2], row._extendedAttrs[x]);
    const chars = row.getString(x);
    const width = content >> 22;
    if (now !== last) text += now;
    last = now;
    text += width === 0 ? (chars ? `<${chars}>` : "‖") : chars || "␀";
    if (width !== 1 || chars || now !== "[0:0]") kept = text.length;
  }
  return (row.isWrapped ? "~" : "|") + text.slice(0, kept);
}

function buffer(core, b, cols, rows) {
  const lines = [];
  for (let y = 0; y < b.lines.length; y++) lines.push(line(core, b.lines.get(y), cols));
  const tabs = [];
  for (let x = 0; x < cols; x++) if (b.tabs[x]) tabs.push(x);
  const { fg, bg } = b.savedCurAttrData;
  return {
    lines,
    base: b.ybase,
    cursor: [Math.min(b.x, cols), b.y],
    region: [b.scrollTop, b.scrollBottom],
    tabs,
    saved: [Math.min(b.savedX, cols - 1), Math.min(Math.max(b.savedY - b.ybase, 0), rows - 1), look(core, fg, bg & ~0x10000000)],
    savedCharset: charset(b.savedCharset),
  };
}

/** A character set by what it makes of "a", "#", "[" and "~". */
const charset = (set) => (set ? ["a", "#", "@", "[", "~"].map((c) => set[c]?.[0] ?? "").join("") : "");

function state(term, title) {
  const core = term._core;
  const { cols, rows } = term;
  const { normal, alt, active } = core._bufferService.buffers;
  const pen = core._inputHandler._curAttrData;
  const modes = core.coreService.decPrivateModes;
  const charsets = core._charsetService;
  const shown = buffer(core, normal, cols, rows);
  if (active === alt) shown.cursor[0] = 0; // it comes back from the alternate screen
  return {
    size: [cols, rows],
    normal: shown,
    alt: active === alt ? buffer(core, alt, cols, rows) : null,
    pen: look(core, pen.fg, pen.bg, pen.extended),
    modes: {
      insert: core.coreService.modes.insertMode,
      newline: core.optionsService.rawOptions.convertEol,
      cursorKeys: modes.applicationCursorKeys,
      keypad: modes.applicationKeypad,
      bracketed: modes.bracketedPasteMode,
      origin: modes.origin,
      reverseWrap: modes.reverseWraparound,
      focus: modes.sendFocus,
      synchronized: modes.synchronizedOutput,
      wrap: modes.wraparound,
      hidden: core.coreService.isCursorHidden,
      blink: core.optionsService.rawOptions.cursorBlink,
      shape: modes.cursorStyle === undefined ? "" : `${modes.cursorStyle} ${modes.cursorBlink}`,
      mouse: core.coreMouseService.activeProtocol,
      encoding: core.coreMouseService.activeEncoding,
    },
    charset: [charset(charsets.charset), charsets.glevel, ...[0, 1, 2, 3].map((g) => charset(charsets._charsets[g]))],
    join: (core._inputHandler._parser.precedingJoinState >> 1) & 3,
    state: core._inputHandler._parser.currentState,
    title,
  };
}

async function run({ cols, rows, scrollback, steps }) {
  const term = new Terminal({ cols, rows, scrollback, allowProposedApi: true, logLevel: "off" });
  term.unicode.register(unicode);
  term.unicode.activeVersion = "15";
  let title = "";
  let answers = "";
  term.onTitleChange((t) => (title = t));
  term.onData((d) => (answers += d));
  // A character must not be cut by a write: xterm.js loses one that is cut behind the byte 0x80.
  let rest = Buffer.alloc(0);
  for (const step of steps) {
    if (step.resize) {
      await new Promise((done) => term.write("", done));
      term.resize(...step.resize);
      continue;
    }
    const bytes = Buffer.concat([rest, Buffer.from(step.write ?? "", "base64")]);
    const end = whole(bytes);
    rest = bytes.subarray(end);
    answers = step.silent ? "" : answers;
    await new Promise((done) => term.write(new Uint8Array(bytes.subarray(0, end)), done));
    if (step.silent && answers.replaceAll("\x1b[O", "") !== "") throw new Error(`answered ${JSON.stringify(answers)} to a snapshot`);
  }
  return state(term, title);
}

/** How many bytes end with a whole character. */
function whole(bytes) {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const b = bytes[bytes.length - back];
    if (b < 0x80) break;
    if (b >= 0xc0) {
      const need = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
      return need > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}

for await (const request of createInterface({ input: process.stdin })) {
  try {
    process.stdout.write(`${JSON.stringify(await run(JSON.parse(request)))}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error?.stack ?? error) })}\n`);
  }
}
