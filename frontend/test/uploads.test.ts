import { describe, expect, it } from "vitest";
import { Uploads, type Picked } from "@/features/files/uploads";
import { itemSchema, type Item } from "@/lib/schemas";

interface Sent {
  readonly path: string;
  readonly progress: (bytes: number) => void;
  readonly finish: (error?: Error) => void;
}

function make() {
  const sent: Sent[] = [];
  const arrived: string[] = [];
  const item = (path: string, type: Item["type"] = "file") => itemSchema.parse({ name: path, path, type });
  const uploads = new Uploads({
    session: "s",
    uploaded: ({ path }) => arrived.push(path),
    api: {
      uploadFile: (_, path, __, progress, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
          sent.push({ path, progress, finish: (error) => (error ? reject(error) : resolve(item(path))) });
        }),
      createFolder: (_, path) => Promise.resolve(item(path, "folder")),
    },
  });
  return { uploads, sent, arrived };
}

const file = (path: string, size = 10): Picked => ({ path, file: new File([new Uint8Array(size)], path) });
const settle = () => new Promise((done) => setTimeout(done));

describe("Uploads", () => {
  it("sends three at a time, and says how far they are in bytes", async () => {
    const { uploads, sent, arrived } = make();
    uploads.add(["1", "2", "3", "4"].map((path) => file(path)), "into");
    expect(sent.map(({ path }) => path)).toEqual(["into/1", "into/2", "into/3"]);
    sent[0]?.progress(4);
    sent[0]?.progress(7);
    expect(uploads.state.get()).toMatchObject({ files: 4, filesDone: 0, bytes: 40, bytesDone: 7, running: true });
    sent[0]?.finish();
    await settle();
    expect(uploads.state.get()).toMatchObject({ filesDone: 1, bytesDone: 10 });
    expect(sent).toHaveLength(4);
    sent.slice(1).forEach(({ finish }) => finish());
    await settle();
    expect(uploads.state.get()).toMatchObject({ filesDone: 4, bytesDone: 40, running: false, failed: [] });
    expect(arrived).toEqual(["into/1", "into/2", "into/3", "into/4"]);
  });

  it("goes on after a file that is refused, and says which and why", async () => {
    const { uploads, sent } = make();
    uploads.add([file("1"), file("2"), { path: "empty folder", file: null }], "");
    sent[0]?.finish(new Error("too large"));
    sent[1]?.finish();
    await settle();
    expect(uploads.state.get()).toMatchObject({ running: false, filesDone: 3, failed: [{ path: "1", reason: "too large" }] });
    uploads.dismiss();
    expect(uploads.state.get().files).toBe(0);
  });

  it("adds to what is under way, and begins anew after that", async () => {
    const { uploads, sent } = make();
    uploads.add([file("1")], "");
    uploads.add([file("2", 5)], "");
    expect(uploads.state.get()).toMatchObject({ files: 2, bytes: 15 });
    sent.forEach(({ finish }) => finish());
    await settle();
    uploads.add([file("3")], "");
    expect(uploads.state.get()).toMatchObject({ files: 1, bytes: 10, running: true });
  });

  it("ends by a cancel, keeps what has arrived, and can be used again", async () => {
    const { uploads, sent, arrived } = make();
    uploads.add(["1", "2", "3", "4", "5"].map((path) => file(path)), "");
    sent[0]?.finish();
    await settle();
    uploads.cancel();
    await settle();
    expect(uploads.state.get()).toMatchObject({ running: false, cancelled: true, failed: [] });
    expect([arrived, sent.length]).toEqual([["1"], 4]);
    uploads.add([file("6")], "");
    sent[4]?.finish();
    await settle();
    expect(arrived).toEqual(["1", "6"]);
  });
});
