import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { useAttempt } from './attempt';
import { Failure } from './parts';

/** A form below the thing that it is about: its fields, what went wrong, and two buttons. */
export function Form(props: {
  label: string;
  action: string;
  busy: string;
  disabled?: boolean;
  submit: () => Promise<void>;
  cancel: () => void;
  trans: TranslationBundle;
  children: React.ReactNode;
}): JSX.Element {
  const { busy, error, make } = useAttempt();
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    void make(props.submit);
  };
  return (
    <form className="nbd-Form" aria-label={props.label} aria-busy={busy} onSubmit={submit}>
      <fieldset disabled={busy}>{props.children}</fieldset>
      <Failure message={error} />
      <div className="nbd-Form-buttons">
        <button type="button" className="nbd-Button" onClick={props.cancel} disabled={busy}>
          {props.trans.__('Cancel')}
        </button>
        <button type="submit" className="nbd-Button nbd-mod-accept" disabled={busy || props.disabled}>
          {busy ? props.busy : props.action}
        </button>
      </div>
    </form>
  );
}
