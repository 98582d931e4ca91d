import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { WorkerEngine } from './engine/client';
import { startWorker } from './engine/embedded';
import './style/index.css';

// A file that is dropped beside the drop zone must not replace the page.
for (const name of ['dragover', 'drop'] as const) window.addEventListener(name, (event) => event.preventDefault());

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App engine={new WorkerEngine(startWorker)} />
  </StrictMode>,
);
