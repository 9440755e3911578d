using Tempo.Engine.ObjectStore;

namespace Tempo.Engine.Node;

/// <summary>
/// An object service as the home of blocks; exactly one of the three. Blocks are written to the local folder first and go
/// there from it, so that an outage of the service costs local disk and nothing else.
/// </summary>
public sealed record RemoteStorage
{
    public S3Options? S3 { get; init; }
    public AzureOptions? Azure { get; init; }
    public GcsOptions? Gcs { get; init; }

    /// <summary>Deadlines, repetition, hedging.</summary>
    public RemoteOptions Requests { get; init; } = new();

    /// <summary>Memory for parts of blocks that were read.</summary>
    public long CacheBytes { get; init; } = MemoryShares.OfThisProcess.BlockCacheBytes;

    /// <summary>Caches between that memory and the service.</summary>
    public RemoteCaches Caches { get; init; } = new();

    /// <summary>How often the service is asked which blocks there are.</summary>
    public TimeSpan BlocklistPoll { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How old a listing of the service may be: what is written shows in it after so long at the latest. Zero for S3, Azure and GCS. For
    /// longer than that after this node started, or in a ring after another one came or went, answers say that they are partial, because
    /// what came to the service shortly before may not be listed yet.
    /// </summary>
    public TimeSpan ListingDelay { get; init; }

    /// <summary>Opens the service, without asking it anything. The caller disposes it.</summary>
    public RemoteObjectStore Open(TimeProvider time)
    {
        // Only jitter comes from it.
        var random = new Random(unchecked((int)time.GetTimestamp()));
        if (S3 is { } s3) return RemoteObjectStore.OpenS3(s3, Requests, time, random);
        if (Azure is { } azure) return RemoteObjectStore.OpenAzure(azure, Requests, time, random);
        return RemoteObjectStore.OpenGcs(Gcs ?? throw new NodeStartException("remote storage names no service"), Requests, time, random);
    }
}
