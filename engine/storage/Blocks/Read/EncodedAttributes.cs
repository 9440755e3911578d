using System.Numerics;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Finds the attributes of one key in a page of one scope without decoding what is of other keys:
/// <code>
/// keys      levels → marks: entries that are attributes, entries that begin an owner
///           indices → marks: attributes of the key
/// owners    by counting the marks of begins before each
/// values    leaf by leaf, the likely ones first, until every attribute has its value; single values by their place
/// </code>
/// Only of rows that are one page of each column, with a dictionary for the keys, as our own blocks have them.
/// </summary>
internal sealed class EncodedAttributes(AttributeScope scope)
{
    private static readonly (AttributeParts Part, string Leaf)[] Leaves =
    [
        (AttributeParts.Texts, "Value"), (AttributeParts.Ints, "ValueInt"), (AttributeParts.Doubles, "ValueDouble"),
        (AttributeParts.Bools, "ValueBool"),
    ];

    private readonly EncodedLeaf[] _leaves =
    [
        new(AttributeType.String, AttributeType.StringArray), new(AttributeType.Int, AttributeType.IntArray),
        new(AttributeType.Double, AttributeType.DoubleArray), new(AttributeType.Bool, AttributeType.BoolArray),
    ];

    private readonly string _keyPath = RowGroupReader.AttributePath(scope, "Key");
    private readonly string[] _leafPaths = [.. Leaves.Select(leaf => RowGroupReader.AttributePath(scope, leaf.Leaf))];
    private readonly EncodedPage _keys = new();
    private ulong[] _present = [];
    private ulong[] _ownerBegins = [];
    private ulong[] _places = [];
    private ulong[] _more = [];
    private int[] _attributes = [];
    private int[] _ownerStarts = [];
    private int _attributeCount;
    private bool? _isPossible;

    public void Begin()
    {
        _isPossible = null;
        foreach (var leaf in _leaves) leaf.Begin();
    }

    /// <summary>The same, and large memory is let go.</summary>
    public void Release()
    {
        Begin();
        _keys.Release();
        foreach (var leaf in _leaves) leaf.Release();
    }

    /// <summary>
    /// The attributes whose key has one of these codes; null if they have to be found by decoding. Texts are codes of the chunk's
    /// dictionary. The rows are selected.
    /// </summary>
    public AttributeOccurrences? Find(RowGroupReader rows, int ownerCount, ReadOnlySpan<int> codes, AttributeParts likely)
    {
        _isPossible ??= TryReadKeys(rows, ownerCount);
        if (_isPossible == false) return null;
        var places = MarkKeys(codes);
        var count = LevelBits.Count(places);
        if (count == 0) return AttributeOccurrences.None;
        var found = new AttributeOccurrences();
        found.Begin(count);
        TakeOwners(places, found);
        if (!TryTakeValues(rows, found, likely)) return null;
        if (rows.Columns.TryGetWrittenDictionary(_leafPaths[0], out var texts)) found.Values.Values = texts;
        return found;
    }

    /// <summary>
    /// Fills <paramref name="found"/> with the attributes of the marked owners and their keys; false where <see cref="Find"/> is null. The
    /// rows are selected.
    /// </summary>
    public bool TryFindOf(RowGroupReader rows, int ownerCount, ReadOnlySpan<ulong> owners, AttributeOccurrences found)
    {
        _isPossible ??= TryReadKeys(rows, ownerCount);
        if (_isPossible == false || !rows.Columns.TryGetDictionary(_keyPath, out var keys)) return false;
        var starts = OwnerStarts(ownerCount);
        var count = 0;
        for (var word = 0; word < owners.Length; word++)
            for (var left = owners[word]; left != 0; left &= left - 1)
            {
                var owner = (word << 6) + BitOperations.TrailingZeroCount(left);
                count += starts[owner + 1] - starts[owner];
            }

        found.Begin(count);
        found.Values.Values = StringTable.None;
        TakeAttributes(owners, starts, keys, found);
        if (!TryTakeValues(rows, found, AttributeParts.All)) return false;
        if (rows.Columns.TryGetWrittenDictionary(_leafPaths[0], out var texts)) found.Values.Values = texts;
        return true;
    }

    private void TakeAttributes(ReadOnlySpan<ulong> owners, ReadOnlySpan<int> starts, StringTable keys, AttributeOccurrences found)
    {
        GrowableArray.Reserve(ref found.Values.Keys, found.Count);
        found.Values.KeyTable = keys;
        var attributes = ColumnMemory.Take(ref _attributes, found.Count);
        var cursor = new IndexCursor(_keys.Values, _attributeCount);
        var next = 0;
        for (var word = 0; word < owners.Length; word++)
            for (var left = owners[word]; left != 0; left &= left - 1)
            {
                var owner = (word << 6) + BitOperations.TrailingZeroCount(left);
                for (var i = starts[owner]; i < starts[owner + 1]; i++, next++)
                {
                    if (!cursor.TryRead(i, out var key))
                        throw new ParquetFormatException($"column '{_keyPath}': indices that are malformed or end early");
                    if ((uint)key >= (uint)keys.Count)
                        throw new ParquetFormatException($"column '{_keyPath}': an index beyond the dictionary's {keys.Count} entries");
                    (attributes[next], found.Owners[next], found.Values.Keys[next]) = (i, owner, key);
                }
            }
    }

    // The first attribute of each owner, and behind the last one's.
    private ReadOnlySpan<int> OwnerStarts(int ownerCount)
    {
        var starts = ColumnMemory.Take(ref _ownerStarts, ownerCount + 1);
        var (owner, first) = (0, 0);
        for (var word = 0; word < (_keys.LevelCount + 63) / 64; word++)
        {
            var present = _present[word];
            for (var left = _ownerBegins[word]; left != 0; left &= left - 1)
                starts[owner++] = first + BitOperations.PopCount(present & (left & (0 - left)) - 1);
            first += BitOperations.PopCount(present);
        }

        starts[owner] = first;
        return starts;
    }

    private bool TryReadKeys(RowGroupReader rows, int ownerCount)
    {
        if (!rows.Columns.Has(_keyPath) || !rows.Columns.TryGetDictionary(_keyPath, out _) || !rows.Columns.TryLoadPage(_keyPath, _keys)
            || !_keys.IsOfIndices)
            return false;
        var column = rows.Columns.Reader(_keyPath).Column;
        var entries = _keys.LevelCount;
        var words = (entries + 63) / 64;
        var present = ColumnMemory.Take(ref _present, words);
        var begins = ColumnMemory.Take(ref _ownerBegins, words);
        var continued = ColumnMemory.Take(ref _more, words);
        var max = column.MaxDefinitionLevel;
        if (!HybridMarks.TryMarkLevels(_keys.Definition, max, max, entries, present)
            || !HybridMarks.TryMarkLevels(_keys.Definition, max, max - 1, entries, begins)
            || !HybridMarks.TryMarkLevels(_keys.Repetition, column.MaxRepetitionLevel, column.MaxRepetitionLevel, entries, continued))
            throw new ParquetFormatException($"column '{_keyPath}': levels that end early, or above the highest");
        for (var word = 0; word < words; word++) begins[word] &= ~continued[word];
        var owners = LevelBits.Count(begins);
        if (owners != ownerCount) throw new ParquetFormatException($"column '{_keyPath}': {owners} owners where the tree has {ownerCount}");
        _attributeCount = LevelBits.Count(present);
        return true;
    }

    private Span<ulong> MarkKeys(ReadOnlySpan<int> codes)
    {
        var words = (_attributeCount + 63) / 64;
        var places = ColumnMemory.TakeZeroed(ref _places, words);
        for (var i = 0; i < codes.Length; i++)
        {
            var marks = i == 0 ? places : ColumnMemory.Take(ref _more, words);
            if (!HybridMarks.TryMarkIndex(_keys.Values, codes[i], _attributeCount, marks))
                throw new ParquetFormatException($"column '{_keyPath}': indices that are malformed or end early");
            for (var word = 0; i > 0 && word < words; word++) places[word] |= marks[word];
        }

        return places;
    }

    // Attributes are entries where every owner has some; else their marks are spread over the entries that are attributes.
    private void TakeOwners(ReadOnlySpan<ulong> places, AttributeOccurrences found)
    {
        var attributes = ColumnMemory.Take(ref _attributes, found.Count);
        var (owners, next, last, before, first) = (found.Owners, 0, -1, -1, 0);
        var words = (_keys.LevelCount + 63) / 64;
        var kernel = LevelKernel.Current;
        for (var word = 0; word < words; word++)
        {
            var (present, begins) = (_present[word], _ownerBegins[word]);
            var count = BitOperations.PopCount(present);
            var marks = BitsAt(places, first, count);
            // The number of the attribute: those before the word, and those before it in the word.
            for (var left = marks; left != 0; left &= left - 1)
                attributes[next++] = first + BitOperations.TrailingZeroCount(left);
            next -= BitOperations.PopCount(marks);
            for (var left = present == ulong.MaxValue ? marks : LevelBits.Deposit(kernel, marks, present); left != 0; left &= left - 1)
            {
                var owner = before + BitOperations.PopCount(begins & (left ^ (left - 1)));
                if (owner < 0) throw new ParquetFormatException($"column '{_keyPath}': an attribute before its first owner");
                found.IsRepeated |= owner == last;
                owners[next++] = last = owner;
            }

            before += BitOperations.PopCount(begins);
            first += count;
        }
    }

    private static ulong BitsAt(ReadOnlySpan<ulong> bits, int first, int count)
    {
        if (count == 0) return 0;
        var (word, shift) = (first >> 6, first & 63);
        var value = bits[word] >> shift;
        if (shift + count > 64) value |= bits[word + 1] << (64 - shift);
        return count == 64 ? value : value & ((1UL << count) - 1);
    }

    // An attribute has a value in one leaf only: leaves that are there come first, and when none is left no other is read.
    private bool TryTakeValues(RowGroupReader rows, AttributeOccurrences found, AttributeParts likely)
    {
        var places = _attributes.AsSpan(0, found.Count);
        var left = found.Count;
        Span<bool> isDone = stackalloc bool[Leaves.Length];
        for (var pass = 0; pass < 3; pass++)
            for (var i = 0; i < Leaves.Length && left > 0; i++)
            {
                var leaf = _leaves[i];
                if (isDone[i] || (leaf.IsRead ? 0 : likely.HasFlag(Leaves[i].Part) ? 1 : 2) > pass) continue;
                isDone[i] = true;
                if (!leaf.IsRead && !leaf.TryRead(rows, _leafPaths[i], _attributeCount)) return false;
                left -= leaf.Put(_leafPaths[i], places, found.Values);
            }

        return true;
    }
}
