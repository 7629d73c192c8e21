/* What this browser keeps on disk (IndexedDB): uploads that are being sealed, and identity files, sealed with a
   passphrase. Must stay true: a private key is never kept in the open; the key of an upload is kept beside the file
   that it seals, only until that is sent or given up. */

export interface KeptPart {
  start: number
  length: number
  address: string
}

export interface KeptUpload {
  id: string
  size: number
  modified: number
  /** SHA-256 of the file's first and last bytes. */
  mark: string
  recipients: string[]
  fileKey: Uint8Array
  nonce: Uint8Array
  prefix: Uint8Array
  parts: KeptPart[]
}

interface KeptIdentity {
  user: string
  file: string
  recipient: string
  /** Which passkey opens the file; empty where a passphrase does. */
  passkey?: string
}

let opening: Promise<IDBDatabase> | null = null

function database(): Promise<IDBDatabase> {
  opening ??= new Promise((done, failed) => {
    const request = indexedDB.open("sealane", 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore("uploads", { keyPath: "id" })
      request.result.createObjectStore("bodies", { keyPath: ["upload", "body"] })
      request.result.createObjectStore("identities", { keyPath: "user" })
      request.result.createObjectStore("files", { keyPath: "id" })
    }
    request.onsuccess = () => done(request.result)
    request.onerror = () => failed(request.error)
  })
  return opening
}

/** Do something in one transaction; done once it is on disk. */
async function within<T>(stores: string[], mode: IDBTransactionMode, act: (open: (name: string) => IDBObjectStore, done: (value: T) => void) => void): Promise<T> {
  const transaction = (await database()).transaction(stores, mode, { durability: "strict" })
  return await new Promise<T>((done, failed) => {
    let value: T
    transaction.oncomplete = () => done(value)
    transaction.onabort = transaction.onerror = () => failed(transaction.error ?? new Error("It cannot be kept in this browser."))
    act(
      (name) => transaction.objectStore(name),
      (told) => {
        value = told
      },
    )
  })
}

function get<T>(store: string, key: string): Promise<T | undefined> {
  return within([store], "readonly", (open, done) => {
    const request = open(store).get(key)
    request.onsuccess = () => done(request.result)
  })
}

function put(store: string, value: unknown): Promise<void> {
  return within([store], "readwrite", (open) => void open(store).put(value))
}

export const keptUpload = (id: string): Promise<KeptUpload | undefined> => get("uploads", id)
export const keepUpload = (upload: KeptUpload): Promise<void> => put("uploads", upload)

export function forgetUpload(id: string): Promise<void> {
  return within(["uploads", "bodies", "files"], "readwrite", (open) => {
    open("uploads").delete(id)
    open("files").delete(id)
    open("bodies").delete(IDBKeyRange.bound([id, 0], [id, Infinity]))
  })
}

/** Whether this very age file is still the one under way: another try, here or in another window, may have ended it. */
function whileKept(open: (name: string) => IDBObjectStore, { id, nonce }: KeptUpload, act: () => void): void {
  const asked = open("uploads").get(id)
  asked.onsuccess = () => {
    const kept = asked.result as KeptUpload | undefined
    if (kept?.nonce.every((byte, at) => byte === nonce[at])) act()
  }
}

/** Keep what has become of an upload that is kept already. */
export function keepOn(upload: KeptUpload): Promise<void> {
  return within(["uploads"], "readwrite", (open) => whileKept(open, upload, () => void open("uploads").put(upload)))
}

/** Put on record what was sealed of one body before it leaves; false where something else was sealed before, or the
    upload has ended. */
export async function recordBody(upload: KeptUpload, body: number, tags: string): Promise<boolean> {
  const { id } = upload
  const recorded = await within<boolean | undefined>(["uploads", "bodies"], "readwrite", (open, done) =>
    whileKept(open, upload, () => {
      const request = open("bodies").get([id, body])
      request.onsuccess = () => {
        const known = request.result as { tags: string } | undefined
        if (known === undefined) open("bodies").put({ upload: id, body, tags })
        done(known === undefined || known.tags === tags)
      }
    }),
  )
  return recorded === true
}

export const keptIdentity = (user: string): Promise<KeptIdentity | undefined> => get("identities", user)
export const keepIdentity = (identity: KeptIdentity): Promise<void> => put("identities", identity)
export const forgetIdentity = (user: string): Promise<void> => within(["identities"], "readwrite", (open) => void open("identities").delete(user))

/** The file of an upload, where the browser can be asked for it again without choosing (Chromium). */
export const keepHandle = (id: string, handle: FileSystemFileHandle): Promise<void> => put("files", { id, handle })
export const keptHandle = async (id: string): Promise<FileSystemFileHandle | undefined> => (await get<{ handle: FileSystemFileHandle }>("files", id))?.handle
