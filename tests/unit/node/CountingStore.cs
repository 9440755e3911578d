using Tempo.Engine.ObjectStore;
using Tempo.Testing;

namespace Tempo.Node.Tests;

/// <summary>A store that counts the objects that are read whole.</summary>
internal sealed class CountingStore(IObjectStore inner) : PassThroughStore(inner)
{
    private int _readCount;
    private int _metaCount;

    public int ReadCount => _readCount;

    public int MetaCount => _metaCount;

    public override ValueTask<byte[]?> TryGetAsync(ObjectKey key, int maxSizeBytes, CancellationToken cancellation = default)
    {
        Interlocked.Increment(ref _readCount);
        if (key.LastPart == "meta.json") Interlocked.Increment(ref _metaCount);
        return base.TryGetAsync(key, maxSizeBytes, cancellation);
    }
}
