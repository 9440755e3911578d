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

    // For batches without a loader: good until the next key is looked for.
    private readonly AttributeOccurrences _gathered = new();

    /// <summary>Rows that are tried one by one between two looks at whether the client is still there: well below a millisecond.</summary>
    public const int RowsBetweenPolls = 1024;

    public KernelKind Kernel => kernel;

    /// <summary>
    /// Ends what is being marked. A condition may have thousands of parts, so it is asked between any two of them, and while rows are
    /// tried one by one.
    /// </summary>
    public CancellationToken Cancellation { get; set; }

    public void Poll() => Cancellation.ThrowIfCancellationRequested();

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
        for (; i + Vector256<int>.Count <= values.Length; i += Vector256<int>.Count)
            max = Vector256.Max(max, Vector256.LoadUnsafe(ref first, (nuint)i));
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

    /// <summary>
    /// The attributes of one key, of all owners of a level at once; good until the next call:
    /// <code>
    /// 1  are they known, from this or from an earlier query?
    /// 2  is the key in the table of keys?                     no: nobody has it, and nothing is read
    /// 3  of a page as we write them: marks in its encoded keys, single values, and that is all
    ///    else: where, in the column of keys?                  one comparison of codes over all attributes
    /// 4  of those places: type and value                      the parts that can hold such a value are read only now
    /// </code>
    /// </summary>
    public AttributeOccurrences Find(OwnerLevel level, KeyTest key, AttributeParts likely)
    {
        var scope = StorageScopeOf(level);
        if (Batch.Loader is { } known && known.TryFindAttribute(scope, key.Key, out var found)) return found;
        Batch.RequireAttributes(scope, AttributeParts.KeyTable);
        var codes = key.CodesIn(kernel, Attributes(level).Attributes.KeyTable);
        if (codes.Count == 0) return Batch.Loader?.TakeAttribute(Batch, scope, key.Key, [], likely) ?? AttributeOccurrences.None;
        if (Batch.Loader is { } encoded && encoded.TryTakeAttribute(
            Batch, scope, key.Key, CollectionsMarshal.AsSpan(codes), likely, out found))
            return found;
        Batch.RequireAttributes(scope, AttributeParts.Keys);
        var (attributes, starts) = Attributes(level);
        // Of a page all of them, since others will find here what is taken now.
        var end = Batch.Loader is null ? starts[Count(level)] : attributes.Count;
        using var places = Rent(end);
        FindKey(attributes.Keys.AsSpan(0, end), codes, places.Bits);
        if (Batch.Loader is { } loader) return loader.TakeAttribute(Batch, scope, key.Key, places.Bits, likely);
        _gathered.Gather(attributes, starts, places.Bits);
        return _gathered;
    }

    private void FindKey(ReadOnlySpan<int> keys, List<int> codes, Span<ulong> places)
    {
        MarkKernel.Run(kernel, keys, new EqualTo<int>(codes[0]), places);
        if (codes.Count == 1) return;
        using var more = Rent(keys.Length);
        for (var i = 1; i < codes.Count; i++)
        {
            MarkKernel.Run(kernel, keys, new EqualTo<int>(codes[i]), more.Bits);
            Bitmap.Or(places, more.Bits);
        }
    }

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
