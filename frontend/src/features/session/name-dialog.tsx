"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Problem, errorText } from "@/lib/problem";

interface Props {
  readonly title: string;
  readonly action: string;
  readonly initial: string;
  readonly placeholder?: string;
  readonly hint?: string;
  readonly required?: boolean;
  readonly onSubmit: (name: string) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for a session's name. What the server says of it stands at the field. */
export function NameDialog({ title, action, initial, placeholder, hint = "", required = false, onSubmit, onClose }: Props) {
  const [name, setName] = useState(initial);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    try {
      await onSubmit(name.trim());
      onClose();
    } catch (failure) {
      setError((failure instanceof Problem ? failure.fields.name : undefined) ?? errorText(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="mt-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void submit();
        }}
      >
        <Field
          label="Name"
          value={name}
          placeholder={placeholder}
          hint={hint}
          error={error}
          maxLength={100}
          onChange={(event) => setName(event.target.value)}
          onFocus={(event) => event.target.select()}
        />
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy || (required && name.trim() === "")}>
            {action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
