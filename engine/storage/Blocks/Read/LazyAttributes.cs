using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// The attributes of one scope, brought in part by part: the table of keys, who has which key, and then, at the places that are
/// wanted, the texts, ints, doubles and bools. An array of one element is brought in as its element, and values that no
/// condition can compare are left out: what is asked here is what conditions ask.
/// </summary>
internal sealed class LazyAttributes(AttributeScope scope)
{
    private static readonly (AttributeParts Part, string Leaf, AttributeType Single, AttributeType Array)[] Leaves =
    [
        (AttributeParts.Texts, "Value", AttributeType.String, AttributeType.StringArray),
        (AttributeParts.Ints, "ValueInt", AttributeType.Int, AttributeType.IntArray),
        (AttributeParts.Doubles, "ValueDouble", AttributeType.Double, AttributeType.DoubleArray),
        (AttributeParts.Bools, "ValueBool", AttributeType.Bool, AttributeType.BoolArray),
    ];

    private readonly LazyLeaf[] _leaves = [new(), new(), new(), new()];
    private AttributeParts _loaded;
    private readonly TextSubset _texts = new();
    private ulong[] _places = [];

    public void Begin()
    {
        _loaded = AttributeParts.None;
        foreach (var leaf in _leaves) leaf.IsRead = false;
    }

    /// <summary>Lets go of the block's dictionaries.</summary>
    public void Release()
    {
        Begin();
        foreach (var leaf in _leaves) leaf.Data.Clear();
    }

    /// <summary>Everywhere.</summary>
    public bool Has(AttributeParts parts) => (_loaded & parts) == parts;

    /// <summary>
    /// Brings in parts; values only at the marked places, if some are marked. Of parts that were not read yet the likely ones first.
    /// </summary>
    public void Load(RowGroupReader rows, SpanBatch batch, AttributeParts parts, ReadOnlySpan<ulong> places, AttributeParts likely)
    {
        var attributes = AttributesOf(batch);
        if (parts == AttributeParts.KeyTable && rows.Columns.TryGetDictionary(RowGroupReader.AttributePath(scope, "Key"), out var keys))
        {
            attributes.KeyTable = keys;
            _loaded |= AttributeParts.KeyTable;
            return;
        }

        if (!Has(AttributeParts.Keys)) ReadKeys(rows, batch, attributes);
        if (attributes.Count == 0)
        {
            _loaded = AttributeParts.All;
            return;
        }

        LoadValues(rows, attributes, parts & ~_loaded, places, likely);
    }

    // A place has a value in one leaf only: leaves that are there come first, and when no place is left no other is read.
    private void LoadValues(
        RowGroupReader rows, AttributeColumns attributes, AttributeParts parts, ReadOnlySpan<ulong> places, AttributeParts likely)
    {
        var left = Span<ulong>.Empty;
        if (!places.IsEmpty)
        {
            left = ColumnMemory.Take(ref _places, places.Length);
            places.CopyTo(left);
        }

        for (var pass = 0; pass < 3; pass++)
            for (var i = 0; i < Leaves.Length; i++)
            {
                var (part, name, single, array) = Leaves[i];
                var leaf = _leaves[i];
                if (!parts.HasFlag(part) || (leaf.IsRead ? 0 : likely.HasFlag(part) ? 1 : 2) > pass
                    || !places.IsEmpty && !left.ContainsAnyExcept(0UL))
                    continue;
                parts &= ~part;
                var path = RowGroupReader.AttributePath(scope, name);
                if (!leaf.IsRead)
                {
                    leaf.Read(rows, path, attributes.Count);
                    if (part == AttributeParts.Texts && leaf.HasValues) attributes.Values = rows.Columns.TableOf(path, leaf.Data);
                }

                leaf.Put(attributes, left, single, array);
                if (places.IsEmpty) _loaded |= part;
            }
    }

    /// <summary>
    /// A column of the attributes at the marked places, whose values are all in, with texts and lists of its own: so it needs no
    /// more memory than it must, whatever the page and its dictionary hold beside it.
    /// </summary>
    /// <param name="tableBytes">Bytes of its own table of texts.</param>
    public AttributeOccurrences Take(SpanBatch batch, ReadOnlySpan<ulong> places, out long tableBytes)
    {
        var attributes = AttributesOf(batch);
        var taken = new AttributeOccurrences();
        taken.TakePlaces(attributes, StartsOf(batch), places);
        tableBytes = TakeTexts(attributes, taken);
        return taken;
    }

    /// <summary>The same with the texts and lists of the page.</summary>
    public AttributeOccurrences Gather(SpanBatch batch, ReadOnlySpan<ulong> places)
    {
        var gathered = new AttributeOccurrences();
        gathered.Gather(AttributesOf(batch), StartsOf(batch), places);
        return gathered;
    }

    /// <summary>The attributes of the marked owners, with their keys; all of the page are in.</summary>
    public AttributeOccurrences OfOwners(SpanBatch batch, ReadOnlySpan<ulong> owners)
    {
        var (attributes, starts) = (AttributesOf(batch), StartsOf(batch));
        var places = new ulong[(attributes.Count + 63) / 64];
        for (var owner = 0; owner < starts.Length - 1 && owner >> 6 < owners.Length; owner++)
            if ((owners[owner >> 6] >> owner & 1) != 0)
                for (var i = starts[owner]; i < starts[owner + 1]; i++)
                    places[i >> 6] |= 1UL << i;
        var found = new AttributeOccurrences();
        found.Gather(attributes, starts, places);
        found.TakeKeys(attributes, places);
        return found;
    }

    private long TakeTexts(AttributeColumns attributes, AttributeOccurrences taken)
    {
        var values = taken.Values;
        for (var i = 0; i < taken.Count; i++)
        {
            if (values.Types[i] is < AttributeType.StringArray or > AttributeType.BoolArray) continue;
            var items = ItemsOf(attributes, values.Bits[i]);
            GrowableArray.Reserve(ref values.Items, values.ItemCount + items.Length);
            values.Bits[i] = ArrayRef.Pack(values.ItemCount, items.Length);
            foreach (var item in items) values.Items[values.ItemCount++] = item;
        }

        values.Values = attributes.Values;
        return _texts.TakeOver(values);
    }

    private void ReadKeys(RowGroupReader rows, SpanBatch batch, AttributeColumns attributes)
    {
        if (!rows.Columns.Has(RowGroupReader.AttributePath(scope, "Key")))
        {
            // An old version: scopes without attributes.
            ColumnMemory.TakeZeroed(ref batch.Scopes.AttributeStart, batch.Scopes.Count + 1);
            attributes.Count = 0;
            attributes.KeyTable = new StringTable([], [0], 0);
            _loaded |= AttributeParts.Keys;
            return;
        }

        var path = RowGroupReader.AttributePath(scope, "Key");
        rows.Columns.Load(path);
        var data = rows.Columns.Data;
        switch (scope)
        {
            case AttributeScope.Span: rows.Columns.Starts(path, data, batch.SpanCount, ref batch.AttributeStart); break;
            case AttributeScope.Resource: rows.Columns.Starts(path, data, batch.Resources.Count, ref batch.Resources.AttributeStart); break;
            case AttributeScope.Scope: rows.Columns.Starts(path, data, batch.Scopes.Count, ref batch.Scopes.AttributeStart); break;
            case AttributeScope.Event: rows.Columns.Starts(path, data, batch.Events.Count, ref batch.Events.AttributeStart); break;
            default: rows.Columns.Starts(path, data, batch.Links.Count, ref batch.Links.AttributeStart); break;
        }

        attributes.Count = data.ValueCount;
        ColumnMemory.Copy(data.Codes.AsSpan(0, attributes.Count), ref attributes.Keys);
        attributes.KeyTable = rows.Columns.Table(path, ref attributes.OwnKeyTable);
        ColumnMemory.TakeZeroed(ref attributes.Types, attributes.Count);
        ColumnMemory.Take(ref attributes.Bits, attributes.Count);
        _loaded |= AttributeParts.Keys;
    }

    private static ReadOnlySpan<long> ItemsOf(AttributeColumns attributes, long bits)
    {
        var (start, count) = ArrayRef.Unpack(bits);
        return attributes.Items.AsSpan(start, count);
    }

    private int[] StartsOf(SpanBatch batch) => scope switch
    {
        AttributeScope.Resource => batch.Resources.AttributeStart,
        AttributeScope.Scope => batch.Scopes.AttributeStart,
        AttributeScope.Event => batch.Events.AttributeStart,
        AttributeScope.Link => batch.Links.AttributeStart,
        _ => batch.AttributeStart,
    };

    private AttributeColumns AttributesOf(SpanBatch batch) => scope switch
    {
        AttributeScope.Resource => batch.Resources.Attributes,
        AttributeScope.Scope => batch.Scopes.Attributes,
        AttributeScope.Event => batch.Events.Attributes,
        AttributeScope.Link => batch.Links.Attributes,
        _ => batch.SpanAttributes,
    };
}
