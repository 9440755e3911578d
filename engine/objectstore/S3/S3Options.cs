namespace Tempo.Engine.ObjectStore;

/// <summary>Where an S3 bucket is and how to get in: the keys of Tempo's <c>storage.trace.s3</c>.</summary>
public sealed record S3Options
{
    public required string Bucket { get; init; }

    /// <summary>Folder within the bucket under which everything is kept; empty for the whole bucket.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Host and port (<c>minio:9000</c>), or a whole URL; empty for Amazon's own of the region.</summary>
    public string Endpoint { get; init; } = "";
    public string Region { get; init; } = "";
    public string AccessKey { get; init; } = "";
    public string SecretKey { get; init; } = "";
    public string SessionToken { get; init; } = "";

    /// <summary>Plain HTTP.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>The bucket in the path and not in the host's name, as most servers that are not Amazon's need.</summary>
    public bool ForcePathStyle { get; init; }

    /// <summary>Bytes of a part of a large upload; at least the 5 MiB that S3 asks for.</summary>
    public int PartSizeBytes { get; init; } = 16 << 20;

    /// <summary><c>SSE-S3</c>, <c>SSE-KMS</c> or empty.</summary>
    public string SseType { get; init; } = "";
    public string SseKmsKeyId { get; init; } = "";
    public string StorageClass { get; init; } = "";

    /// <summary>Tags of every object that is written.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();
}
