import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathFault, type Wanted } from './path-fault.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cronzimus-path-fault-'));
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'folder'));
  await symlink('nowhere', join(folder, 'dangling'));
  await symlink('loop', join(folder, 'loop'));
  await symlink('folder', join(folder, 'to-folder'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
});
afterAll(() => rm(folder, { recursive: true }));

const fault = (path: string, wanted: Wanted) => pathFault(join(folder, path), wanted)?.replaceAll(folder, '') ?? null;

describe('the fault of a path', () => {
  it.each<[path: string, Wanted, string]>([
    ['missing', 'file', '/missing does not exist; set it to a file'],
    ['missing/below', 'folder', '/missing/below does not exist; set it to a folder'],
    ['folder', 'file', '/folder is a folder; set it to a file'],
    ['to-folder', 'file', '/to-folder is a folder; '],
    ['file', 'folder', '/file is a file; '],
    ['file', 'writable folder', '/file is a file; set it to a folder that this process may write to'],
    ['pipe', 'file', '/pipe is a pipe, a socket or a device; '],
    ['pipe', 'file or folder', '/pipe is a pipe, a socket or a device; '],
    ['file/below', 'file', '/file/below does not exist: /file is a file; '],
    ['file/below/deep', 'folder', '/file/below/deep does not exist: /file is a file; '],
    ['dangling', 'file', '/dangling is a symbolic link to nowhere, which does not exist; '],
    ['dangling/below', 'folder', '/dangling/below does not exist: /dangling is a symbolic link to nowhere, which'],
    ['loop', 'file', '/loop is a symbolic link that leads to itself; '],
    ['x'.repeat(300), 'file', 'ENAMETOOLONG'],
  ])('says why %s is no %s', (path, wanted, text) => {
    expect(fault(path, wanted)).toContain(text);
  });

  it.each<[path: string, Wanted]>([
    ['file', 'file'],
    ['file', 'file or folder'],
    ['folder', 'file or folder'],
    ['to-folder', 'folder'],
    ['folder', 'writable folder'],
  ])('is absent for %s, which is a %s', (path, wanted) => {
    expect(fault(path, wanted)).toBeNull();
  });
});
