/** A file's bytes, where they are: all of them here, or with the server, from which parts are fetched. */
export interface ByteSource {
  readonly size: number;
  /** All of them, if they came with the file. */
  readonly whole: Uint8Array<ArrayBuffer> | null;
  /** Those from `start` up to and without `end`. Rejects with a Problem. */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
}

export function bytesHere(whole: Uint8Array<ArrayBuffer>): ByteSource {
  return { size: whole.length, whole, read: (start, end) => Promise.resolve(whole.subarray(start, end)) };
}
