/** Requests that tell how far they are, which fetch cannot. */
import { apiBase } from "./origin";
import { Problem } from "./problem";

export interface Transfer {
  readonly signal: AbortSignal;
  /** Bytes that were sent so far. */
  readonly progress: (sent: number) => void;
}

/** Posts a body and answers the JSON. Rejects with a Problem, or with an AbortError when the signal says so. */
export function upload(path: string, body: Blob, contentType: string, { signal, progress }: Transfer): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new DOMException("aborted", "AbortError"));
      return;
    }
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const ended = (then: () => void) => () => {
      signal.removeEventListener("abort", abort);
      then();
    };
    signal.addEventListener("abort", abort);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onabort = ended(() => reject(new DOMException("aborted", "AbortError")));
    request.onerror = ended(() => reject(Problem.offline()));
    request.onload = ended(() => {
      const response = new Response(request.responseText || null, { status: request.status });
      if (response.ok) resolve(response.json());
      else void Problem.from(response).then(reject);
    });
    request.open("POST", apiBase + path);
    request.withCredentials = true;
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", contentType);
    request.send(body);
  });
}
