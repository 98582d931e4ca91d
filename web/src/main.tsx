import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { WorkerEngine } from './engine/client';
import { startWorker } from './engine/embedded';
import './style/index.css';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App engine={new WorkerEngine(startWorker)} />
  </StrictMode>,
);
