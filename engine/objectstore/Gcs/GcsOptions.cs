namespace Tempo.Engine.ObjectStore;

/// <summary>Where a Google Cloud Storage bucket is: the keys of Tempo's <c>storage.trace.gcs</c>.</summary>
public sealed record GcsOptions
{
    public required string Bucket { get; init; }
    public string Prefix { get; init; } = "";

    /// <summary>
    /// URL of the service, with <c>/storage/v1/</c> behind it or without; empty for Google's public one. Without TLS it is an emulator,
    /// which is told no token.
    /// </summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Without credentials, and whatever certificate the service shows: an emulator with TLS.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>
    /// Path of a service account's key file; empty for <c>GOOGLE_APPLICATION_CREDENTIALS</c> of the environment, or else the
    /// metadata server of the machine.
    /// </summary>
    public string CredentialsFile { get; init; } = "";

    /// <summary>Bytes of a part of an upload; a multiple of 256 KiB.</summary>
    public int ChunkBytes { get; init; } = 10 << 20;
}
