import { describe, expect, it } from "vitest";
import { Commands, type Command } from "@/features/commands/commands";
import { keyLabel, matches, type KeyPress } from "@/features/commands/keys";

function press(keys: string, code = ""): KeyPress {
  const parts = keys.split("+");
  const has = (name: string) => parts.slice(0, -1).includes(name);
  return { key: parts.at(-1) ?? "", code, ctrlKey: has("Ctrl"), metaKey: has("Meta"), altKey: has("Alt"), shiftKey: has("Shift") };
}

const nowhere = { terminal: false, modal: false };
const command = (id: string, more: Partial<Command> = {}): Command => ({ id, title: id, run: () => undefined, ...more });

describe("key bindings", () => {
  it("are met by their modifiers and no others", () => {
    expect(matches("Mod+P", press("Ctrl+p"), false)).toBe(true);
    expect(matches("Mod+P", press("Ctrl+Shift+P"), false)).toBe(false);
    expect(matches("Mod+P", press("Ctrl+Alt+p"), false)).toBe(false);
    expect(matches("Mod+P", press("p"), false)).toBe(false);
    expect(matches("Mod+Shift+P", press("Ctrl+Shift+P"), false)).toBe(true);
    expect(matches("F1", press("F1"), false)).toBe(true);
  });

  it("mean Command on Apple's keyboards, where Ctrl stays Ctrl", () => {
    expect(matches("Mod+P", press("Meta+p"), true)).toBe(true);
    expect(matches("Mod+P", press("Ctrl+p"), true)).toBe(false);
    expect(matches("Ctrl+G", press("Ctrl+g"), true)).toBe(true);
  });

  it("are found by place on a layout without Latin letters, and only there", () => {
    expect(matches("Mod+P", press("Ctrl+з", "KeyP"), false)).toBe(true);
    // Dvorak has an L there.
    expect(matches("Mod+P", press("Ctrl+l", "KeyP"), false)).toBe(false);
    expect(matches("Ctrl+`", press("Ctrl+Dead", "Backquote"), false)).toBe(true);
  });

  it("are shown in the keyboard's own signs", () => {
    expect(keyLabel("Mod+Shift+P", false)).toBe("Ctrl+Shift+P");
    expect(keyLabel("Mod+Shift+P", true)).toBe("⇧⌘P");
  });
});

describe("Commands", () => {
  it("finds what a key means, and nothing once it is gone", () => {
    const commands = new Commands(false);
    const save = command("file.save", { keys: ["Mod+S"] });
    const remove = commands.register(save);
    expect(commands.find(press("Ctrl+s"), nowhere)).toBe(save);
    remove();
    expect(commands.find(press("Ctrl+s"), nowhere)).toBeUndefined();
  });

  it("passes over what cannot be done now, to another command of that key", () => {
    const commands = new Commands(false);
    let editing = false;
    const first = command("a.first", { keys: ["Mod+Enter"], when: () => editing });
    const second = command("a.second", { keys: ["Mod+Enter"] });
    commands.register(first, second);
    expect(commands.find(press("Ctrl+Enter"), nowhere)).toBe(second);
    editing = true;
    expect(commands.find(press("Ctrl+Enter"), nowhere)).toBe(first);
  });

  it("leaves a terminal its keys, but for those that are named", () => {
    const commands = new Commands(false);
    commands.register(command("open.quick", { keys: ["Mod+P"] }), command("open.palette", { keys: ["F1", "Mod+Shift+P"], inTerminal: ["F1", "Mod+Shift+P"] }));
    const terminal = { terminal: true, modal: false };
    expect(commands.find(press("Ctrl+p"), terminal)).toBeUndefined();
    expect(commands.find(press("F1"), terminal)?.id).toBe("open.palette");
    expect(commands.find(press("Ctrl+Shift+P"), terminal)?.id).toBe("open.palette");
  });

  it("leaves a dialog all keys", () => {
    const commands = new Commands(false);
    commands.register(command("open.palette", { keys: ["F1"], inTerminal: ["F1"] }));
    expect(commands.find(press("F1"), { terminal: false, modal: true })).toBeUndefined();
  });

  it("lists what was chosen last first, the others by title, and not what is hidden or cannot be done", () => {
    const commands = new Commands(false);
    const run: string[] = [];
    const of = (id: string, more: Partial<Command> = {}) => command(id, { run: () => run.push(id), ...more });
    const c = of("c");
    commands.register(of("b"), c, of("a"), of("hidden", { hidden: true }), of("not now", { when: () => false }));
    commands.registerSource(() => [of("d")]);
    commands.choose(c);
    expect(run).toEqual(["c"]);
    expect(commands.available().map(({ id }) => id)).toEqual(["c", "a", "b", "d"]);
  });

  it("does not take two commands of one name", () => {
    const commands = new Commands(false);
    commands.register(command("a"));
    expect(() => commands.register(command("a"))).toThrow("registered twice");
  });
});
