using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// Brings columns of a batch into memory when they are first asked for. Asked for twice, it does nothing the second time. Throws
/// <see cref="BlockReadException"/> if they cannot be read.
/// </summary>
public interface ISpanColumnLoader
{
    /// <summary>Fills whole columns of <paramref name="batch"/>.</summary>
    void Load(SpanBatch batch, BatchColumns columns);

    /// <summary>
    /// Fills parts of the attributes of a scope, values only at the marked places (bit i % 64 of word i / 64 for attribute i), or
    /// everywhere if none is marked. What was not asked for stays of type <see cref="AttributeType.Null"/>.
    /// </summary>
    void LoadAttributes(SpanBatch batch, AttributeScope scope, AttributeParts parts, ReadOnlySpan<ulong> places);

    /// <summary>The attributes of a key, if they were asked for before, for this or for another query.</summary>
    bool TryFindAttribute(AttributeScope scope, byte[] key, out AttributeOccurrences found);

    /// <summary>
    /// Finds the attributes of a key, which has these codes in the scope's table of keys, and makes a column of them without bringing in
    /// any others; false if that cannot be done here, and the keys must be looked through.
    /// </summary>
    bool TryTakeAttribute(
        SpanBatch batch, AttributeScope scope, byte[] key, ReadOnlySpan<int> codes, AttributeParts likely, out AttributeOccurrences found);

    /// <summary>
    /// Brings in the values of the attributes at the marked places, which are those of the key, and makes a column of them.
    /// <paramref name="likely"/> are the parts that are probably all there is to read.
    /// </summary>
    AttributeOccurrences TakeAttribute(
        SpanBatch batch, AttributeScope scope, byte[] key, ReadOnlySpan<ulong> places, AttributeParts likely);

    /// <summary>
    /// The attributes of the marked owners, with their keys, one behind the other: what can be compared of them. Good until the batch is
    /// filled again. They may be put into <paramref name="space"/>, whose memory is used again; what it had is gone in any case.
    /// </summary>
    AttributeOccurrences TakeAttributesOf(SpanBatch batch, AttributeScope scope, ReadOnlySpan<ulong> owners, AttributeOccurrences space);

    /// <summary>Fills a column of its own, which until then has only its name.</summary>
    void LoadDedicated(SpanBatch batch, DedicatedColumn column);
}

/// <summary>What there is of attributes, by what a condition needs of them.</summary>
[Flags]
public enum AttributeParts
{
    None = 0,

    /// <summary>The table of keys alone, without knowing who has which.</summary>
    KeyTable = 1,

    /// <summary>Which owner has which keys.</summary>
    Keys = 2 | KeyTable,
    Texts = 4,
    Ints = 8,
    Doubles = 16,
    Bools = 32,

    /// <summary>All that a condition can compare. Values of other types are left out.</summary>
    All = 63,
}
