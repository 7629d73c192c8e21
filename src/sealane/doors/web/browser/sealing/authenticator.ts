/* An authenticator for typage's WebAuthn recipients, which run in this worker: browsers let only pages ask one, so what
   typage asks of `navigator.credentials` is carried to the page (passkeys.ts) and its answer back.

   Must stay true: the page is asked for nothing but these two, with what typage has put together. */

export type Wanted = { create: PublicKeyCredentialCreationOptions } | { get: PublicKeyCredentialRequestOptions }

/** What a page tells of a credential that was made or used. */
export interface Used {
  id: ArrayBuffer
  transports: string[]
  /** Whether it can derive secrets (the PRF extension), as far as the browser tells. */
  derives: boolean
  derived: AuthenticationExtensionsPRFValues | null
}

/** Have `navigator.credentials` ask the page. */
export function carry(ask: (wanted: Wanted) => Promise<Used>): void {
  const told = async (wanted: Wanted): Promise<unknown> => {
    const used = await ask(wanted)
    return {
      rawId: used.id,
      response: { getTransports: () => used.transports },
      getClientExtensionResults: () => ({ prf: { enabled: used.derives, results: used.derived ?? undefined } }),
    }
  }
  Object.defineProperty(navigator, "credentials", {
    value: {
      create: (options: { publicKey: PublicKeyCredentialCreationOptions }) => told({ create: options.publicKey }),
      get: (options: { publicKey: PublicKeyCredentialRequestOptions }) => told({ get: options.publicKey }),
    },
  })
}
