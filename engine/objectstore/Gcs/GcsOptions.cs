namespace Tempo.Engine.ObjectStore;

/// <summary>Where a Google Cloud Storage bucket is: the keys of Tempo's <c>storage.trace.gcs</c>.</summary>
public sealed record GcsOptions
{
    public required string Bucket { get; init; }
    public string Prefix { get; init; } = "";

    /// <summary>URL of the service; another one for emulators, which are then asked without credentials.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>
    /// Path of a service account's key file; empty for <c>GOOGLE_APPLICATION_CREDENTIALS</c> of the environment, or else the
    /// metadata server of the machine.
    /// </summary>
    public string CredentialsFile { get; init; } = "";

    /// <summary>Bytes of a part of an upload; a multiple of 256 KiB.</summary>
    public int ChunkBytes { get; init; } = 10 << 20;
}
