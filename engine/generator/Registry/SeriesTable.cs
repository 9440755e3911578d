using System.Numerics;
using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Generator.Registry;

/// <summary>How <see cref="SeriesTable.TryResolve"/> ended.</summary>
public enum Resolved
{
    /// <summary>An entity of its own.</summary>
    Found,

    /// <summary>There is no room: the overflow entity.</summary>
    Overflow,

    /// <summary>A value is not UTF-8; there is no entity.</summary>
    NotText,
}

/// <summary>
/// The entities (label sets) of one processor, each with the values of all its metrics; what the hot path looks up once
/// a span:
/// <code>
/// hash of the tuple's bytes → open addressing over 64-bit slots (hash's upper half | row + 1) → the key's bytes decide
/// miss: are the values text? over a label's cap? is there room? → a new row, or the overflow row
/// </code>
/// The overflow row has the one label <c>metric_overflow="true"</c> and takes what finds no room, so sums over all series
/// are exact whatever is offered. Guarded by the tenant's lock.
/// </summary>
public sealed partial class SeriesTable
{
    /// <summary>The overflow entity's key, which no tuple has: a length that goes beyond its end.</summary>
    private static readonly byte[] OverflowKey = [0xFF, 0xFF];

    private SeriesBudget _budget;
    private readonly SeriesOptions _options;
    private readonly LabelCaps? _caps;
    private readonly List<SeriesChunk> _chunks = [];
    private readonly Stack<int> _free = new();
    private ulong[] _slots = new ulong[64];
    private int _used;
    private long _active;
    private int _overflowRow = -1;

    public SeriesTable(SeriesSchema schema, SeriesBudget budget, SeriesOptions options)
    {
        Schema = schema;
        _budget = budget;
        _options = options;
        if (options.MaxCardinalityPerLabel > 0 && schema.Labels is { Length: > 0 } labels)
            _caps = new LabelCaps(labels.Length, options.MaxCardinalityPerLabel, options.MaxLabelValueBytes);
    }

    public SeriesSchema Schema { get; }

    /// <summary>Entities, the overflow one included.</summary>
    public int EntityCount => _used;

    /// <summary>Values that became the cap's value, over all labels.</summary>
    public long LimitedLabelValues => _caps?.LimitedCount ?? 0;

    /// <summary>
    /// Of each label that has a cap: values that became the cap's value, and distinct values that there would be without it, roughly.
    /// </summary>
    public IEnumerable<LabelDemand> LabelDemands => _caps?.Demands(Schema.Labels!) ?? [];

    /// <summary>The row of a label tuple, made if it is new; the row is good until the next collection.</summary>
    public Resolved TryResolve(LabelTuple labels, long nowUnixMs, out int row)
    {
        var hash = KeyedHash.Of64(labels.Bytes);
        row = Find(labels.Bytes, hash);
        var resolved = row >= 0 ? Resolved.Found : Add(labels, hash, out row);
        if (row >= 0) _chunks[row >> SeriesChunk.SizeBits].UpdatedUnixMs[row & (SeriesChunk.Size - 1)] = nowUnixMs;
        return resolved;
    }

    /// <summary>Adds to a counter.</summary>
    public void Add(int row, int column, double amount)
    {
        var chunk = Chunk(row, column, out var index);
        chunk.Columns[column].Value[index] += amount;
    }

    /// <summary>Sets a gauge.</summary>
    public void Set(int row, int column, double value)
    {
        var chunk = Chunk(row, column, out var index);
        chunk.Columns[column].Value[index] = value;
    }

    /// <summary>Counts <paramref name="value"/> in a histogram, <paramref name="weight"/> times.</summary>
    public void Observe(int row, int column, double value, double weight, TraceId trace, long nowUnixMs)
    {
        var values = Chunk(row, column, out var index).Columns[column];
        values.Value[index] += value * weight;
        var bounds = Schema.Columns[column].Bounds;
        var bucket = 0;
        while (bucket < bounds.Length && value > bounds[bucket]) bucket++;
        var cell = index * (bounds.Length + 1) + bucket;
        if (values.Buckets.Length > 0) values.Buckets[cell] += weight;
        if (values.Exemplars.Length > 0) values.Exemplars[cell] = new Exemplar(trace, value, nowUnixMs);
        if (values.Native.Length > 0)
            (values.Native[index] ??= new NativeHistogram(_options.Native.Schema, nowUnixMs)).Observe(value, weight, _options.Native,
                nowUnixMs);
    }

    // The chunk and the row's index in it; at the first value of a column its series begin.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private SeriesChunk Chunk(int row, int column, out int index)
    {
        var chunk = _chunks[row >> SeriesChunk.SizeBits];
        index = row & (SeriesChunk.Size - 1);
        if ((chunk.Touched[index] >> column & 1) == 0) Touch(chunk, index, column);
        return chunk;
    }

    private void Touch(SeriesChunk chunk, int index, int column)
    {
        chunk.Touched[index] |= (byte)(1 << column);
        chunk.Fresh[index] |= (byte)(1 << column);
        CountActive(Schema.Columns[column].SeriesPerEntity);
    }

    private void CountActive(int series)
    {
        _active += series;
        _budget.CountActive(series);
    }

    private int Find(ReadOnlySpan<byte> key, ulong hash)
    {
        var slots = _slots;
        var mask = slots.Length - 1;
        for (var i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            var slot = slots[i];
            if (slot == 0) return -1;
            if ((slot ^ hash) >> 32 != 0) continue;
            var row = (int)(uint)slot - 1;
            if (_chunks[row >> SeriesChunk.SizeBits].Key(row & (SeriesChunk.Size - 1)).SequenceEqual(key)) return row;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Resolved Add(LabelTuple labels, ulong hash, out int row)
    {
        row = -1;
        if (!labels.IsText()) return Resolved.NotText;
        if (_caps is not null)
        {
            // Capped in place would spoil the caller's prefix, so the caps have a tuple of their own.
            labels = _caps.Apply(labels);
            hash = KeyedHash.Of64(labels.Bytes);
            row = Find(labels.Bytes, hash);
            if (row >= 0) return Resolved.Found;
        }

        if (_budget.TryReserve(Schema.SeriesPerEntity))
        {
            row = NewRow(labels.Bytes, hash);
            _caps?.Count(labels.Bytes);
            return Resolved.Found;
        }

        _budget.CountLimited(hash, Schema.SeriesPerEntity);
        if (_overflowRow < 0)
        {
            // Outside the limit, or there would be no place to say that it was reached.
            _overflowRow = NewRow(OverflowKey, KeyedHash.Of64(OverflowKey));
        }

        row = _overflowRow;
        return Resolved.Overflow;
    }

    private int NewRow(ReadOnlySpan<byte> key, ulong hash)
    {
        if (_free.Count == 0)
        {
            var first = _chunks.Count << SeriesChunk.SizeBits;
            _chunks.Add(new SeriesChunk(Schema, _options.KeepsExemplars));
            for (var i = SeriesChunk.Size - 1; i >= 0; i--) _free.Push(first + i);
        }

        var row = _free.Pop();
        var chunk = _chunks[row >> SeriesChunk.SizeBits];
        var index = row & (SeriesChunk.Size - 1);
        chunk.SetKey(index, key);
        chunk.Hash[index] = hash;
        chunk.IsUsed[index] = true;
        if (++_used * 2 > _slots.Length) Rehash();
        else Insert(hash, row);
        return row;
    }

    private void Insert(ulong hash, int row)
    {
        var mask = _slots.Length - 1;
        var i = (int)hash & mask;
        while (_slots[i] != 0) i = (i + 1) & mask;
        _slots[i] = hash & 0xFFFF_FFFF_0000_0000 | (uint)(row + 1);
    }

    /// <summary>How often all keys were put into slots anew: as often as the table grew to twice its size.</summary>
    internal int RehashCount { get; private set; }

    private void Rehash()
    {
        RehashCount++;
        _slots = new ulong[(int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(64, _used * 3))];
        for (var c = 0; c < _chunks.Count; c++)
            for (var i = 0; i < SeriesChunk.Size; i++)
                if (_chunks[c].IsUsed[i]) Insert(_chunks[c].Hash[i], c << SeriesChunk.SizeBits | i);
    }
}

/// <summary>What all tables of a tenant do alike.</summary>
public sealed record SeriesOptions
{
    /// <summary>Distinct values of one label; further ones become <c>__cardinality_overflow__</c>. 0: no cap.</summary>
    public int MaxCardinalityPerLabel { get; init; }

    public int MaxLabelValueBytes { get; init; } = LabelTuple.DefaultMaxValueBytes;

    /// <summary>Tempo's <c>max_label_name_length</c>; longer names are cut.</summary>
    public int MaxLabelNameBytes { get; init; } = 1024;

    /// <summary>Keep the last trace of each bucket.</summary>
    public bool KeepsExemplars { get; init; } = true;

    public NativeHistogramLimits Native { get; init; } = new(3, 100, 15 * 60 * 1000);

    /// <summary>An entity without a value for this long is removed.</summary>
    public TimeSpan StaleDuration { get; init; } = TimeSpan.FromMinutes(15);
}
