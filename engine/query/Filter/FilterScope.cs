using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;
using StorageScope = Tempo.Engine.Storage.Scan.AttributeScope;

namespace Tempo.Engine.Query.Filter;

/// <summary>The batch that a filter is being run on: how many rows of each level count, and scratch memory. One thread's.</summary>
internal sealed class FilterScope(KernelKind kernel)
{
    private readonly int[] _counts = new int[5];

    public KernelKind Kernel => kernel;

    public SpanBatch Batch { get; private set; } = new();

    public int SpanCount { get; private set; }

    public void Begin(SpanBatch batch, int spanCount)
    {
        Batch = batch;
        SpanCount = spanCount;
        _counts.AsSpan().Fill(-1);
        _counts[(int)OwnerLevel.Span] = spanCount;
    }

    /// <summary>
    /// Rows of a level that belong to the spans looked at. A live batch may be ahead of them, and what it is adding just now must
    /// not be touched.
    /// </summary>
    public int Count(OwnerLevel level) => _counts[(int)level] is >= 0 and var known ? known : _counts[(int)level] = FindCount(level);

    private int FindCount(OwnerLevel level)
    {
        if (SpanCount == 0) return 0;
        switch (level)
        {
            case OwnerLevel.Resource: return Max(Batch.Resource.AsSpan(0, SpanCount)) + 1;
            case OwnerLevel.Scope: return Max(Batch.Scope.AsSpan(0, SpanCount)) + 1;
            case OwnerLevel.Event:
                Batch.Require(BatchColumns.EventRows);
                return Batch.EventStart[SpanCount];
            case OwnerLevel.Link:
                Batch.Require(BatchColumns.LinkRows);
                return Batch.LinkStart[SpanCount];
            default: return SpanCount;
        }
    }

    private static int Max(ReadOnlySpan<int> values)
    {
        var max = Vector256.Create(values[0]);
        ref var first = ref MemoryMarshal.GetReference(values);
        var i = 0;
        for (; i + Vector256<int>.Count <= values.Length; i += Vector256<int>.Count) max = Vector256.Max(max, Vector256.LoadUnsafe(ref first, (nuint)i));
        var result = max[0];
        for (var lane = 1; lane < Vector256<int>.Count; lane++) result = Math.Max(result, max[lane]);
        for (; i < values.Length; i++) result = Math.Max(result, values[i]);
        return result;
    }

    /// <summary>The attributes of a level, and the offsets of their owners.</summary>
    public (AttributeColumns Attributes, int[] Starts) Attributes(OwnerLevel level) => level switch
    {
        OwnerLevel.Resource => (Batch.Resources.Attributes, Batch.Resources.AttributeStart),
        OwnerLevel.Scope => (Batch.Scopes.Attributes, Batch.Scopes.AttributeStart),
        OwnerLevel.Event => (Batch.Events.Attributes, Batch.Events.AttributeStart),
        OwnerLevel.Link => (Batch.Links.Attributes, Batch.Links.AttributeStart),
        _ => (Batch.SpanAttributes, Batch.AttributeStart),
    };

    public static StorageScope StorageScopeOf(OwnerLevel level) => level switch
    {
        OwnerLevel.Resource => StorageScope.Resource,
        OwnerLevel.Scope => StorageScope.Scope,
        OwnerLevel.Event => StorageScope.Event,
        OwnerLevel.Link => StorageScope.Link,
        _ => StorageScope.Span,
    };

    /// <summary>A set of marks for <paramref name="rows"/> rows, of any content. To be given back.</summary>
    public static Marks Rent(int rows) => new(rows);

    /// <summary>Rented marks.</summary>
    internal readonly ref struct Marks
    {
        private readonly ulong[] _array;

        public Marks(int rows)
        {
            var words = Bitmap.WordCount(rows);
            _array = ArrayPool<ulong>.Shared.Rent(words);
            Bits = _array.AsSpan(0, words);
        }

        public Span<ulong> Bits { get; }

        public void Dispose() => ArrayPool<ulong>.Shared.Return(_array);
    }
}
