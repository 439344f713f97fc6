import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { messageOf } from '../resource';
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
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState('');
  const submit = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      await props.submit();
    } catch (reason) {
      setError(messageOf(reason));
    }
    setBusy(false);
  };
  return (
    <form className="nbd-Form" aria-label={props.label} aria-busy={busy} onSubmit={event => void submit(event)}>
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
