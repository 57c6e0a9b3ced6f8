"use client";

import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { SettingsForm } from "@/features/settings/settings-form";

/** The settings over the workspace, which shows what they change. */
export function SettingsDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Settings" size="medium" onClose={onClose}>
      <div className="mt-4 -mr-2 max-h-[65vh] overflow-y-auto pr-2">
        <SettingsForm />
      </div>
      <DialogActions>
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </DialogActions>
    </Dialog>
  );
}
