using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The trace ids of a block that is being written, ascending: needed once more at its end, for its filters and its index, and far
/// too many to be kept for a block of any size. Beyond 64 Ki they are in a file.
/// </summary>
public sealed class TraceIdLog(string? spillPath = null) : IDisposable
{
    private const int MaxInMemory = 64 << 10;

    private readonly SpillBuffer _ids = new(spillPath, MaxInMemory * TraceId.SizeBytes);

    public long Count => _ids.Length / TraceId.SizeBytes;

    /// <summary>The id added last.</summary>
    public TraceId Last { get; private set; }

    public void Add(TraceId id)
    {
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        id.Write(bytes);
        _ids.Write(bytes);
        Last = id;
    }

    public void AddRange(IEnumerable<TraceId> ids)
    {
        foreach (var id in ids) Add(id);
    }

    /// <summary>Visits the ids in their order, many at a time, as their wire bytes one behind the other.</summary>
    public void ForEach(Action<ReadOnlyMemory<byte>> visit)
    {
        var rest = new byte[TraceId.SizeBytes];
        var restLength = 0;
        _ids.ForEach(piece =>
        {
            // A piece of a file may end within an id.
            if (restLength > 0)
            {
                var missing = Math.Min(TraceId.SizeBytes - restLength, piece.Length);
                piece.Span[..missing].CopyTo(rest.AsSpan(restLength));
                restLength += missing;
                piece = piece[missing..];
                if (restLength < TraceId.SizeBytes) return;
                visit(rest);
                restLength = 0;
            }

            var whole = piece.Length / TraceId.SizeBytes * TraceId.SizeBytes;
            if (whole > 0) visit(piece[..whole]);
            restLength = piece.Length - whole;
            piece.Span[whole..].CopyTo(rest);
        });
    }

    public void Dispose() => _ids.Dispose();
}
