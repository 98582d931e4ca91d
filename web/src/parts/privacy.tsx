import { useState } from 'react';
import { Dialog } from './dialog';

const policy = () =>
  document.querySelector<HTMLMetaElement>('meta[http-equiv="Content-Security-Policy"]')?.content ?? 'none (not the built page)';

/** Says that nothing is uploaded and how anyone can check it. */
export function Privacy() {
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  return (
    <>
      <p className="privacy">
        <span className="lamp" aria-hidden="true" />
        <span className="privacy-long">Nothing is uploaded: this page has no network permission.</span>
        <span className="privacy-short">Nothing is uploaded.</span>
        <button type="button" className="link" onClick={() => setOpen(true)}>
          <span className="check-long">How to check</span>
          <span className="check-short">Nothing is uploaded</span>
        </button>
      </p>
      <Dialog open={open} onClose={close} className="text-dialog" aria-labelledby="privacy-title">
        <h2 id="privacy-title">Nothing leaves this machine</h2>
        <p>The dump is read by code inside this page, slice by slice, and never copied anywhere. You can check that:</p>
        <ol>
          <li>
            The first lines of the page’s source hold its Content-Security-Policy. The browser enforces it: no fetch, no
            upload, no foreign script, image or form.
            <pre>{policy().replaceAll('; ', ';\n')}</pre>
          </li>
          <li>Open the developer tools (F12), tab “Network”, and work with the page: the list stays empty.</li>
          <li>Take the machine off the network, or save this page as a file and open that. Everything still works.</li>
        </ol>
        <button type="button" className="primary" onClick={close}>
          Close
        </button>
      </Dialog>
    </>
  );
}
