import { crc32, deflateSync } from "node:zlib";

// Files of kinds that are no text, made here rather than kept as bytes.

/** png is a picture of one colour. */
export function png(width: number, height: number, [red, green, blue]: readonly [number, number, number]): Buffer {
  const row = Buffer.concat([Buffer.from([0]), Buffer.concat(Array.from({ length: width }, () => Buffer.from([red, green, blue])))]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.concat(Array.from({ length: height }, () => row)))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** wav is a tenth of a second of silence. */
export function wav(): Buffer {
  const samples = 800;
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(8000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples, 40);
  return Buffer.concat([head, Buffer.alloc(samples, 128)]);
}

/** pdf is a page with a line of text, and a script that would run when the document opens. */
export function pdf(text: string): Buffer {
  const content = `BT /F1 24 Tf 72 700 Td (${text}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (parent.pwned = 1; window.pwned = 1) >> >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let body = "%PDF-1.4\n%\u00e2\u00e3\u00cf\u00d3\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = body.length;
  body += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("")}`;
  body += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`;
  return Buffer.from(body, "latin1");
}

const script = "<script>window.pwned=1</script><img src=x onerror=\"window.pwned=1\">";
export const hostileSVG = `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60" onload="window.pwned=1"><script>window.pwned=1; parent.pwned=1</script><rect width="80" height="60" fill="teal"/><foreignObject width="80" height="60"><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:parent.pwned=1"/></foreignObject></svg>`;

export const markdown = `# Guide ${script}

Some **bold** text, [the web](https://example.org/), [a file](src/tool.py), [a trap](javascript:window.pwned=1) and \`code\`.

<div onclick="window.pwned=1">A <b>block</b> of HTML ${script}</div>

| name | value |
|------|------:|
| one  | 1     |

- [x] done
- [ ] to do

\`\`\`python
def f():
    return 1
\`\`\`

![the logo](logo.png) ![drawing](drawing.svg) ![far](https://example.org/far.png)
`;

export const notebook = JSON.stringify({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { language_info: { name: "python" } },
  cells: [
    { cell_type: "markdown", source: ["# Analysis\n", `A table follows. ${script}\n`, "\n", "[trap](javascript:window.pwned=1)"] },
    {
      cell_type: "code", execution_count: 1, source: "frame.head()",
      outputs: [
        {
          output_type: "execute_result", execution_count: 1, metadata: {},
          data: {
            "text/html": [`<style>body{display:none}</style>${script}<table border="1" onclick="window.pwned=1"><thead><tr><th>city</th><th>people</th></tr></thead><tbody><tr><td>Kyiv</td><td>2952301</td></tr></tbody></table>`, "<iframe src=\"javascript:parent.pwned=1\"></iframe>"],
            "text/plain": "ignored",
          },
        },
        { output_type: "display_data", metadata: {}, data: { "application/javascript": "window.pwned=1", "text/plain": "<IPython.core.display.Javascript object>" } },
      ],
    },
    { cell_type: "code", execution_count: 2, source: "plot()", outputs: [{ output_type: "display_data", metadata: {}, data: { "image/png": png(60, 40, [30, 120, 200]).toString("base64") } }, { output_type: "display_data", metadata: {}, data: { "image/svg+xml": hostileSVG } }] },
    { cell_type: "code", execution_count: 3, source: "1/0", outputs: [{ output_type: "stream", name: "stdout", text: ["before\n"] }, { output_type: "error", ename: "ZeroDivisionError", evalue: "division by zero", traceback: ["\u001b[0;31mZeroDivisionError\u001b[0m: division by zero"] }] },
  ],
});

export const table = ["name;note;count", `"Ada; Countess";"${script.replaceAll('"', '""')}";1`, "=cmd|' /C calc'!A0;two\ttabs;22", ...Array.from({ length: 50_000 }, (_, index) => `row ${index};note;${index}`)].join("\n");

/** numberedLines is a log of at most so many bytes, each line with its number. */
export function numberedLines(bytes: number): string {
  const lines: string[] = [];
  for (let number = 1, left = bytes; ; number++) {
    const line = `line ${number} of a large log, which somebody has to read\n`;
    left -= line.length;
    if (left < 0) return lines.join("");
    lines.push(line);
  }
}

export function bigCSV(bytes: number): string {
  const line = (number: number) => `row ${number},${"note ".repeat(8)},${number}\n`;
  return "name,note,count\n" + Array.from({ length: Math.floor(bytes / line(100_000).length) }, (_, number) => line(number + 1)).join("");
}

/** bigNotebook has a picture of so many bytes, of which most are nothing. */
export function bigNotebook(bytes: number): string {
  const picture = Buffer.concat([png(60, 40, [30, 120, 200]), Buffer.alloc(bytes)]).toString("base64");
  return JSON.stringify({
    nbformat: 4, nbformat_minor: 5, metadata: {},
    cells: [
      { cell_type: "markdown", source: "# Large" },
      { cell_type: "code", execution_count: 1, source: "plot()", outputs: [{ output_type: "display_data", metadata: {}, data: { "image/png": picture } }] },
    ],
  });
}
