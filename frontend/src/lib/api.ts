/** The HTTP API (docs/api/http.md). Every function rejects with a Problem when the answer is not a success. */
import type * as z from "zod/mini";
import { deletedSchema, removedSchema, restoredSchema, versionsSchema, type DeletedFiles, type Restore, type Restored, type Versions } from "./history";
import { apiBase } from "./origin";
import {
  duplicatedSchema, layoutAnswerSchema, settingsAnswerSchema, signInListSchema, tokenAnswerSchema, trashedListSchema,
  type LayoutAnswer, type SignIn, type SignInKind, type TrashedSession,
} from "./account";
import { encodePath } from "./paths";
import { Problem } from "./problem";
import { upload, type Transfer } from "./upload";
import {
  recordingAnswerSchema, recordingListSchema, shareAnswerSchema, sharedAnswerSchema, sharedListSchema, shareListSchema,
  type Recording, type Share, type Shared,
} from "./sharing";
import { replaceAnswerSchema, replaceBody, searchAnswerSchema, searchParams, type ReplaceAnswer, type Replacement, type SearchAnswer, type SearchQuery } from "./search";
import {
  copyAnswerSchema, fileAnswerSchema, fileContentSchema, itemListSchema, sessionAnswerSchema, sessionListSchema, signedInSchema,
  statusSchema, terminalListSchema, unpackedSchema, userSchema,
  type FileContent, type Item, type Mode, type Session, type Status, type TerminalInfo, type Unpacked, type User,
} from "./schemas";

interface Request {
  readonly method?: string;
  readonly json?: unknown;
  readonly body?: Blob;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

async function send(path: string, request: Request = {}): Promise<Response> {
  const headers = new Headers({ Accept: "application/json", ...request.headers });
  let body: BodyInit | undefined = request.body;
  if (request.json !== undefined) {
    headers.set("Content-Type", "application/json");
    body = JSON.stringify(request.json);
  } else if (request.contentType) {
    headers.set("Content-Type", request.contentType);
  }
  let response: Response;
  try {
    response = await fetch(apiBase + path, {
      method: request.method ?? "GET",
      headers,
      credentials: "include",
      cache: "no-store",
      ...(body === undefined ? {} : { body }),
      ...(request.signal ? { signal: request.signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw Problem.offline();
  }
  if (!response.ok) throw await Problem.from(response);
  return response;
}

async function read<T>(schema: z.ZodMiniType<T>, path: string, request?: Request): Promise<T> {
  const response = await send(path, request);
  return schema.parse(await response.json());
}

const session = (id: string) => `/api/sessions/${encodeURIComponent(id)}`;
const workspace = (id: string, rest: string) => `/api/workspace/${encodeURIComponent(id)}/${rest}`;
const recordingOf = (id: string, terminal: string) => workspace(id, `terminals/${encodeURIComponent(terminal)}/recording`);

export interface Write {
  readonly content: string;
  /** "utf-8" when it is absent. */
  readonly encoding?: FileContent["encoding"];
  /** The revision that the content was based on; 0: the file must not exist yet; absent: write in any case. */
  readonly base_revision?: number;
}

export interface NewShare {
  /** A terminal's name; absent: the whole workspace. */
  readonly terminal?: string;
  readonly mode: Mode;
  /** Whom it is for; with neither, it is a link. */
  readonly username?: string;
  readonly email?: string;
  /** In seconds. */
  readonly expires_in: number;
}

export const api = {
  async register(input: { username: string; email: string; password: string }): Promise<User> {
    return (await read(signedInSchema, "/api/users/register", { method: "POST", json: input })).user;
  },
  async login(input: { username: string; password: string }): Promise<User> {
    return (await read(signedInSchema, "/api/users/login", { method: "POST", json: input })).user;
  },
  async logout(): Promise<void> {
    await send("/api/users/logout", { method: "POST" });
  },
  me(): Promise<User> {
    return read(userSchema, "/api/users/me");
  },
  settings(): Promise<{ version: number; settings: Record<string, unknown> }> {
    return read(settingsAnswerSchema, "/api/users/me/settings");
  },
  /** Replaces the settings of that version, and answers the next one. */
  async saveSettings(version: number, settings: Record<string, unknown>): Promise<number> {
    return (await read(settingsAnswerSchema, "/api/users/me/settings", { method: "PUT", json: { version, settings } })).version;
  },
  async changePassword(current: string, next: string): Promise<void> {
    await send("/api/users/me/password", { method: "POST", json: { current_password: current, password: next } });
  },
  /** Where the user is signed in, or the user's tokens for programs. */
  async signIns(kind: SignInKind): Promise<SignIn[]> {
    return (await read(signInListSchema, `/api/users/me/${kind}`)).data;
  },
  async endSignIn(kind: SignInKind, id: string): Promise<void> {
    await send(`/api/users/me/${kind}/${encodeURIComponent(id)}`, { method: "DELETE" });
  },
  async signOutEverywhere(others: boolean): Promise<void> {
    await send(`/api/users/me/sign-ins${others ? "?others=1" : ""}`, { method: "DELETE" });
  },
  /** Makes a token for programs: the answer alone has it. */
  createToken(json: { name: string; expires_in: number; read_only: boolean }): Promise<{ data: SignIn; token: string }> {
    return read(tokenAnswerSchema, "/api/users/me/tokens", { method: "POST", json });
  },

  sessions(skip: number, limit: number): Promise<{ data: Session[]; count: number }> {
    return read(sessionListSchema, `/api/sessions/?skip=${skip}&limit=${limit}`);
  },
  async createSession(name: string): Promise<Session> {
    const json = name ? { name } : {};
    return (await read(sessionAnswerSchema, "/api/sessions/", { method: "POST", json })).data;
  },
  async session(id: string): Promise<Session> {
    return unwrapSession(await (await send(session(id))).json());
  },
  async renameSession(id: string, name: string): Promise<Session> {
    return unwrapSession(await (await send(session(id), { method: "PATCH", json: { name } })).json());
  },
  async deleteSession(id: string): Promise<void> {
    await send(session(id), { method: "DELETE" });
  },
  async duplicateSession(id: string): Promise<{ session: Session; left: number }> {
    const { data, left } = await read(duplicatedSchema, `${session(id)}/duplicate`, { method: "POST", json: {} });
    return { session: data, left };
  },
  async deletedSessions(): Promise<TrashedSession[]> {
    return (await read(trashedListSchema, "/api/sessions/deleted")).data;
  },
  async restoreSession(id: string): Promise<Session> {
    return (await read(sessionAnswerSchema, `/api/sessions/deleted/${encodeURIComponent(id)}/restore`, { method: "POST" })).data;
  },
  /** Gives up a deleted session. */
  async purgeSession(id: string): Promise<void> {
    await send(`/api/sessions/deleted/${encodeURIComponent(id)}`, { method: "DELETE" });
  },
  layout(id: string): Promise<LayoutAnswer> {
    return read(layoutAnswerSchema, workspace(id, "layout"));
  },
  /** Sets fields of the layout and leaves the others. */
  changeLayout(id: string, layout: Record<string, unknown>): Promise<LayoutAnswer> {
    return read(layoutAnswerSchema, workspace(id, "layout"), { method: "PATCH", json: { layout } });
  },

  /** The whole tree, and the workspace revision that it shows (-1 when the server did not say). */
  async files(id: string): Promise<{ items: Item[]; revision: number }> {
    const response = await send(workspace(id, "files"));
    const revision = Number(response.headers.get("X-Workspace-Revision") ?? "-1");
    return { items: itemListSchema.parse(await response.json()), revision };
  },
  /** A file; the content of one that has more than so many bytes is left out. */
  file(id: string, path: string, mostBytes?: number): Promise<FileContent> {
    return read(fileContentSchema, workspace(id, `file/${encodePath(path)}${mostBytes === undefined ? "" : `?max_bytes=${mostBytes}`}`));
  },
  /** The bytes of a file from `start` up to and without `end`, as they are in this revision and no other. */
  async bytes(id: string, path: string, { revision, start, end }: { readonly revision: number; readonly start: number; readonly end: number }, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const response = await send(workspace(id, `file/${encodePath(path)}?raw=1`), {
      headers: { Range: `bytes=${start}-${end - 1}`, "If-Range": `"${revision}"` }, ...(signal ? { signal } : {}),
    });
    if (response.status !== 206) {
      await response.body?.cancel();
      throw Problem.changed();
    }
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw Problem.offline();
    }
  },
  /** The address of the file's bytes, for a download. */
  rawURL(id: string, path: string): string {
    return apiBase + workspace(id, `file/${encodePath(path)}?raw=1`);
  },
  /** The address of everything, or of these files and folders, as a zip. */
  archiveURL(id: string, paths: readonly string[] = []): string {
    const query = paths.map((path) => `path=${encodeURIComponent(path)}`).join("&");
    return apiBase + workspace(id, query ? `archive?${query}` : "archive");
  },
  async write(id: string, path: string, write: Write): Promise<Item> {
    const json = { encoding: "utf-8", ...write };
    return (await read(fileAnswerSchema, workspace(id, `file/${encodePath(path)}`), { method: "POST", json })).file;
  },
  /** Sends a file's bytes, whatever was there before. */
  async upload(id: string, path: string, body: Blob, transfer: Transfer): Promise<Item> {
    return fileAnswerSchema.parse(await upload(workspace(id, `file/${encodePath(path)}`), body, "application/octet-stream", transfer)).file;
  },
  /** Unpacks a zip into a folder, "" for the root. */
  async unpack(id: string, folder: string, body: Blob, transfer: Transfer): Promise<Unpacked> {
    const query = folder ? `?path=${encodeURIComponent(folder)}` : "";
    return unpackedSchema.parse(await upload(workspace(id, `archive${query}`), body, "application/zip", transfer));
  },
  /** Deletes a file, or a folder with what is in it. The revision of that: one less is what to restore to undo it. */
  async remove(id: string, path: string): Promise<number> {
    return (await read(removedSchema, workspace(id, `file/${encodePath(path)}`), { method: "DELETE" })).revision;
  },
  async createFolder(id: string, path: string): Promise<Item> {
    return (await read(fileAnswerSchema, workspace(id, `folder/${encodePath(path)}`), { method: "POST" })).file;
  },
  async move(id: string, from: string, to: string): Promise<Item> {
    return (await read(fileAnswerSchema, workspace(id, "move"), { method: "POST", json: { from, to } })).file;
  },
  /** Copies; `left` counts what is not saved and so not copied. */
  async copy(id: string, from: string, to: string): Promise<{ item: Item; left: number }> {
    const { file, left } = await read(copyAnswerSchema, workspace(id, "copy"), { method: "POST", json: { from, to } });
    return { item: file, left };
  },
  async ensureDefault(id: string): Promise<void> {
    await send(workspace(id, "ensure-default"), { method: "POST" });
  },
  status(id: string): Promise<Status> {
    return read(statusSchema, workspace(id, "status"));
  },
  async start(id: string): Promise<void> {
    await send(workspace(id, "start"), { method: "POST" });
  },
  async shutdown(id: string): Promise<void> {
    await send(workspace(id, "shutdown"), { method: "POST" });
  },
  async stay(id: string): Promise<void> {
    await send(workspace(id, "stay"), { method: "POST" });
  },
  async releaseBrake(id: string, remove: boolean): Promise<void> {
    await send(workspace(id, "brake"), { method: "POST", json: { delete: remove } });
  },
  async terminals(id: string): Promise<TerminalInfo[]> {
    return (await read(terminalListSchema, workspace(id, "terminals"))).terminals;
  },

  /** Renames a terminal, or gives it another place among the others, counted from 0. */
  async updateTerminal(id: string, name: string, change: { name?: string; position?: number }): Promise<TerminalInfo[]> {
    return (await read(terminalListSchema, workspace(id, `terminals/${encodeURIComponent(name)}`), { method: "PATCH", json: change })).terminals;
  },

  async closeTerminal(id: string, name: string): Promise<void> {
    await send(workspace(id, `terminals/${encodeURIComponent(name)}`), { method: "DELETE" });
  },

  /** Searches what is saved of the files, up to so many matches. */
  search(id: string, query: SearchQuery, limit: number, signal: AbortSignal): Promise<SearchAnswer> {
    return read(searchAnswerSchema, workspace(id, `search?${searchParams(query, limit)}`), { signal });
  },
  /** Replaces what a search finds, or says what it would. */
  replace(id: string, query: SearchQuery, replacement: Replacement): Promise<ReplaceAnswer> {
    return read(replaceAnswerSchema, workspace(id, "replace"), { method: "POST", json: replaceBody(query, replacement) });
  },

  /** A page of a path's versions, or with "" of the whole workspace's, the newest first. */
  history(id: string, path: string, before: string, limit: number, signal: AbortSignal): Promise<Versions> {
    const query = new URLSearchParams({ limit: String(limit), ...(before ? { before } : {}) });
    return read(versionsSchema, workspace(id, `${path ? `history/${encodePath(path)}` : "history"}?${query}`), { signal });
  },
  /** A file as it was after a revision, under the name that it had then. */
  version(id: string, path: string, revision: number): Promise<FileContent> {
    return read(fileContentSchema, workspace(id, `version/${revision}/${encodePath(path)}`));
  },
  versionURL(id: string, path: string, revision: number): string {
    return apiBase + workspace(id, `version/${revision}/${encodePath(path)}?raw=1`);
  },
  deletedFiles(id: string, limit: number, signal: AbortSignal): Promise<DeletedFiles> {
    return read(deletedSchema, workspace(id, `deleted?limit=${limit}`), { signal });
  },
  restore(id: string, json: Restore): Promise<Restored> {
    return read(restoredSchema, workspace(id, "restore"), { method: "POST", json });
  },

  /** Ends the conflicts of a path: the present version is the one that is wanted. */
  async resolveConflict(id: string, path: string): Promise<void> {
    await send(workspace(id, "conflicts/resolve"), { method: "POST", json: { path } });
  },

  /** The session's active shares. */
  async shares(id: string): Promise<Share[]> {
    return (await read(shareListSchema, workspace(id, "shares"))).data;
  },
  /** Shares; the answer alone has the address of a link. */
  async share(id: string, json: NewShare): Promise<Share> {
    return (await read(shareAnswerSchema, workspace(id, "shares"), { method: "POST", json })).data;
  },
  async revokeShare(id: string, share: string): Promise<void> {
    await send(workspace(id, `shares/${encodeURIComponent(share)}`), { method: "DELETE" });
  },
  async acceptShare(token: string): Promise<Shared> {
    return (await read(sharedAnswerSchema, "/api/shares/accept", { method: "POST", json: { token } })).data;
  },
  /** What others share with the user. */
  async sharedWithMe(): Promise<Shared[]> {
    return (await read(sharedListSchema, "/api/shares/")).data;
  },
  async leaveShare(share: string): Promise<void> {
    await send(`/api/shares/${encodeURIComponent(share)}`, { method: "DELETE" });
  },

  async startRecording(id: string, terminal: string): Promise<Recording> {
    return (await read(recordingAnswerSchema, recordingOf(id, terminal), { method: "POST" })).data;
  },
  async stopRecording(id: string, terminal: string): Promise<Recording> {
    return (await read(recordingAnswerSchema, recordingOf(id, terminal), { method: "DELETE" })).data;
  },
  async recordings(id: string): Promise<Recording[]> {
    return (await read(recordingListSchema, workspace(id, "recordings"))).data;
  },
  async deleteRecording(id: string, recording: string): Promise<void> {
    await send(workspace(id, `recordings/${encodeURIComponent(recording)}`), { method: "DELETE" });
  },
  /** The recording as an asciicast (v2). */
  async cast(id: string, recording: string, signal: AbortSignal): Promise<string> {
    return (await send(workspace(id, `recordings/${encodeURIComponent(recording)}/cast`), { signal })).text();
  },
  castURL(id: string, recording: string): string {
    return apiBase + workspace(id, `recordings/${encodeURIComponent(recording)}/cast?download=1`);
  },
};

/** A session comes bare or, from some calls, within `data`: both are accepted. */
function unwrapSession(value: unknown): Session {
  const wrapped = sessionAnswerSchema.safeParse(value);
  if (wrapped.success) return wrapped.data.data;
  return sessionAnswerSchema.parse({ data: value }).data;
}

export type API = typeof api;
