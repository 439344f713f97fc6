import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Ends } from '../documents';
import { Form } from './Form';
import { Choice, Row } from './parts';

/** Asks what a run counts as that is stopped with work done. */
export function StopForm(props: {
  subject: string;
  submit: (endsAs: Ends) => Promise<void>;
  cancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const [endsAs, setEndsAs] = React.useState<Ends>('stopped');
  return (
    <Form
      label={trans.__('Stop %1', props.subject)}
      action={trans.__('Stop')}
      busy={trans.__('Stopping…')}
      submit={() => props.submit(endsAs)}
      cancel={props.cancel}
      trans={trans}
    >
      <Row
        label={trans.__('Ends as')}
        hint={
          endsAs === 'succeeded'
            ? trans.__('What it has so far is published.')
            : trans.__('Work since its last checkpoint is lost.')
        }
      >
        {(id, described) => (
          <Choice
            id={id}
            described={described}
            value={endsAs}
            onChange={value => setEndsAs(value as Ends)}
            options={[
              { value: 'stopped', label: trans.__('stopped') },
              { value: 'failed', label: trans.__('failed') },
              { value: 'succeeded', label: trans.__('succeeded') }
            ]}
          />
        )}
      </Row>
    </Form>
  );
}
