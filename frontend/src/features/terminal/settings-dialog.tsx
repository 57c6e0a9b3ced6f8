"use client";

import { useId, type ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { useStore } from "@/hooks/use-store";
import { changeSettings, cursorStyles, defaultSettings, fontSizes, scrollbackLines, terminalSettings, type TerminalSettings } from "./settings";

/** The choices of settings.ts. They take effect as they are made. */
export function SettingsDialog({ onClose }: { readonly onClose: () => void }) {
  const settings = useStore(terminalSettings);
  return (
    <Dialog title="Terminal settings" onClose={onClose}>
      <div className="mt-4 grid grid-cols-2 gap-3">
        <Field
          label="Font size"
          type="number"
          min={fontSizes.least}
          max={fontSizes.most}
          value={settings.fontSize}
          onChange={(event) => changeSettings({ fontSize: event.target.valueAsNumber })}
        />
        <Select label="Lines kept" value={settings.scrollback} onChange={(event) => changeSettings({ scrollback: Number(event.target.value) })}>
          {scrollbackLines.map((lines) => (
            <option key={lines} value={lines}>
              {lines.toLocaleString("en")}
            </option>
          ))}
        </Select>
        <Select
          label="Cursor"
          value={settings.cursorStyle}
          onChange={(event) => changeSettings({ cursorStyle: event.target.value as TerminalSettings["cursorStyle"] })}
        >
          {cursorStyles.map((style) => (
            <option key={style} value={style}>
              {`${style.charAt(0).toUpperCase()}${style.slice(1)}`}
            </option>
          ))}
        </Select>
      </div>
      <div className="mt-4 space-y-2.5">
        <Choice name="cursorBlink">The cursor blinks</Choice>
        <Choice name="copyOnSelect">Copy what is selected</Choice>
        <Choice name="askBeforePaste">Ask before several lines are pasted where each would run</Choice>
        <Choice name="programsCopy">Programs may put text on the clipboard (OSC 52). They can never read it</Choice>
        <Choice name="screenReader">Say the output to screen readers</Choice>
        <Choice name="webgl">Draw with the graphics card</Choice>
      </div>
      <DialogActions>
        <Button className="mr-auto" onClick={() => changeSettings(defaultSettings)}>
          Reset
        </Button>
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </DialogActions>
    </Dialog>
  );
}

type Switches = { [K in keyof TerminalSettings]: TerminalSettings[K] extends boolean ? K : never }[keyof TerminalSettings];

function Choice({ name, children }: { readonly name: Switches; readonly children: ReactNode }) {
  const settings = useStore(terminalSettings);
  const id = useId();
  return (
    <div className="flex items-start gap-2 text-[13px]">
      <input id={id} type="checkbox" className="mt-0.5 size-4 shrink-0 accent-accent" checked={settings[name]} onChange={(event) => changeSettings({ [name]: event.target.checked })} />
      <label htmlFor={id}>{children}</label>
    </div>
  );
}
