/* The service worker of /opened/: hands a file that a page's worker opens to the browser's own download.

   Must stay true: it answers only what a page has announced, once; it keeps nothing; a file that does not open to its
   end is told to the browser as a failed download, never as a whole one. */

interface Announced {
  name: string
  port: MessagePort
}

const announced = new Map<string, Announced>()
const scope = self as unknown as {
  addEventListener(kind: string, heard: (event: never) => void): void
  skipWaiting(): Promise<void>
  clients: { claim(): Promise<void> }
}

scope.addEventListener("install", () => void scope.skipWaiting())
scope.addEventListener("activate", (event: { waitUntil(done: Promise<void>): void }) => event.waitUntil(scope.clients.claim()))

scope.addEventListener("message", ({ data, ports }: MessageEvent<{ id: string; name: string } | "on">) => {
  const port = ports[0]
  if (data === "on" || !port) return // said now and then, so that the browser lets this worker go on
  announced.set(data.id, { name: data.name, port })
  ports[1]?.postMessage("ready")
})

scope.addEventListener("fetch", (event: { request: Request; respondWith(answer: Response): void }) => {
  const id = new URL(event.request.url).pathname.split("/")[2] ?? ""
  const one = announced.get(id)
  if (!one) return
  announced.delete(id)
  event.respondWith(new Response(streamed(one.port), { headers: headersFor(one.name) }))
})

function streamed(port: MessagePort): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      start(control) {
        port.onmessage = ({ data }: MessageEvent<Uint8Array | "end" | "broken">) => {
          if (data === "end") control.close()
          else if (data === "broken") control.error(new Error("it does not open to its end"))
          else control.enqueue(data)
        }
      },
      pull: () => port.postMessage("more"),
      cancel: () => port.postMessage("gone"),
    },
    { highWaterMark: 2 },
  )
}

function headersFor(name: string): Record<string, string> {
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (sign) => "%" + sign.charCodeAt(0).toString(16))
  return {
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename*=UTF-8''${encoded}`,
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
  }
}
