/** A request whose body's progress can be watched, which fetch does not tell. */
import { apiBase } from "./origin";
import { Problem } from "./problem";

/** Posts bytes. `progress` is called with how many are on their way. Rejects with a Problem, or an AbortError. */
export function postBytes(path: string, body: Blob, contentType: string, progress: (bytes: number) => void, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const aborted = () => new DOMException("The upload was cancelled.", "AbortError");
    if (signal.aborted) {
      reject(aborted());
      return;
    }
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.open("POST", apiBase + path);
    request.withCredentials = true;
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", contentType);
    request.upload.onprogress = ({ loaded }) => progress(loaded);
    request.onabort = () => reject(aborted());
    request.onerror = () => reject(Problem.offline());
    request.onload = () => {
      const response = new Response(request.status === 204 ? null : request.responseText, { status: request.status, statusText: request.statusText });
      if (response.ok) resolve(response);
      else void Problem.from(response).then(reject);
    };
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.send(body);
  });
}
