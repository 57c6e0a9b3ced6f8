/** A value that can be watched. Holds state outside React; `useStore` reads it inside. */
export class Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  /** The present value. An arrow function, so that it can be handed to useSyncExternalStore. */
  readonly get = (): T => this.#value;

  /** Replaces the value and tells the listeners, unless it is the same one. */
  set(next: T): void {
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    for (const listener of [...this.#listeners]) listener();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  /** Calls `listener` after each change, until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Resolves with the first value, the present one included, that satisfies `accept`. */
  when<S extends T>(accept: (value: T) => value is S): Promise<S>;
  when(accept: (value: T) => boolean): Promise<T>;
  when(accept: (value: T) => boolean): Promise<T> {
    if (accept(this.#value)) return Promise.resolve(this.#value);
    return new Promise((resolve) => {
      const stop = this.subscribe(() => {
        if (!accept(this.#value)) return;
        stop();
        resolve(this.#value);
      });
    });
  }
}
