using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// The attributes of one owner kind (span, resource, scope, event, link) for the rows of a page, on their way from source
/// batches to columns: keys and strings become dictionary indexes, values go to the column of their type, attributes with
/// a dedicated column go there.
/// </summary>
internal sealed class AttributeStage
{
    /// <summary>By <see cref="AttributeType"/>.</summary>
    private static readonly CatalogTypes[] FactTypes =
    [
        CatalogTypes.Other, CatalogTypes.Text, CatalogTypes.Int, CatalogTypes.Double, CatalogTypes.Bool,
        CatalogTypes.Array | CatalogTypes.Text, CatalogTypes.Array | CatalogTypes.Int, CatalogTypes.Array | CatalogTypes.Double,
        CatalogTypes.Array | CatalogTypes.Bool, CatalogTypes.Array, CatalogTypes.Other, CatalogTypes.Other,
    ];

    // Of a target in _keyTargets, beside the index: the key was seen with a value of the type, in this row group.
    // The bit is the type's number above the first, so that it is found without a branch by type; below them is the index.
    private const int FirstSeenBit = 28;
    private const int TextSeen = 1 << (FirstSeenBit + (int)AttributeType.String);
    private const int IntSeen = 1 << (FirstSeenBit + (int)AttributeType.Int);
    private const int TargetMask = (1 << FirstSeenBit) - 1;

    private readonly LevelStream _owners;
    private readonly PageLoad _load;
    private readonly CodeMap<int> _keyTargets = new();
    private readonly DedicatedStage[] _dedicated;
    private readonly RepeatedOwners? _repeated;
    private int[] _countOfOwner = [];
    private int _ownerCount;
    private int[] _keys = [];
    private byte[] _isArray = [];
    private int _count;

    /// <param name="owners">The levels of the owners.</param>
    /// <param name="load">What the page amounts to.</param>
    /// <param name="memory">For the levels of the values.</param>
    /// <param name="leaves">The attributes with columns of their own.</param>
    /// <param name="ownersRepeat">The same owner of a source is added many times, as resources are.</param>
    public AttributeStage(
        LevelStream owners, PageLoad load, LevelMemory memory, IEnumerable<AttributeLeaf> leaves, bool ownersRepeat = false)
    {
        _repeated = ownersRepeat ? new RepeatedOwners() : null;
        _owners = owners;
        _load = load;
        Dictionaries = new AttributeDictionaries(load);
        Levels = new LevelStream(owners.MaxRepetition + 1, owners.MaxDefinition + 1);
        Strings = new ValueStage<int>(Levels, isRepeated: true, memory);
        Ints = new IntStage(Levels, isRepeated: true, memory);
        Doubles = new ValueStage<double>(Levels, isRepeated: true, memory);
        Bools = new ValueStage<byte>(Levels, isRepeated: true, memory);
        Unsupported = new ValueStage<int>(Levels, isRepeated: false, memory);
        _dedicated = [.. leaves.Select(leaf => new DedicatedStage(leaf, owners, load, memory))];
    }

    public AttributeDictionaries Dictionaries { get; }

    /// <summary>Keys and values of the row group, those in dedicated columns left out.</summary>
    public AttributeFacts Facts { get; } = new();

    public LevelStream Levels { get; }

    public ReadOnlySpan<int> Keys => _keys.AsSpan(0, _count);

    public ReadOnlySpan<byte> IsArray => _isArray.AsSpan(0, _count);

    public ValueStage<int> Strings { get; }

    public IntStage Ints { get; }

    public ValueStage<double> Doubles { get; }

    public ValueStage<byte> Bools { get; }

    /// <summary>Indexes of proto-JSON texts.</summary>
    public ValueStage<int> Unsupported { get; }

    public ReadOnlySpan<DedicatedStage> Dedicated => _dedicated;

    /// <summary>Forgets the rows of the last page.</summary>
    public void Clear()
    {
        _ownerCount = _count = 0;
        _repeated?.Clear();
        Strings.Clear();
        Ints.Clear();
        Doubles.Clear();
        Bools.Clear();
        Unsupported.Clear();
        foreach (var stage in _dedicated) stage.Clear();
    }

    /// <summary>Starts a new row group: dictionaries begin anew.</summary>
    public void ClearDictionaries()
    {
        _keyTargets.Clear();
        Dictionaries.Clear();
        Ints.ClearDictionary();
        Facts.Clear();
        foreach (var stage in _dedicated) stage.ClearDictionary();
    }

    /// <summary>Adds the attributes of the next owner: [from, to) of the source's columns, and those the source keeps apart.</summary>
    public void AddOwner(int batch, AttributeColumns source, int from, int to, SpanBatch sourceBatch, AttributeScope scope, int row)
    {
        if (_repeated is not null && _repeated.TryFind(batch, row, out var staged))
        {
            AddAgain(staged);
            return;
        }

        if (Dictionaries.Values.IsCrowded) CompleteTexts();
        var before = Mark();
        _load.EntryCount += to - from;
        for (var i = AddKnown(batch, source, from, to); i < to; i = AddKnown(batch, source, i + 1, to)) Add(batch, source, i);
        foreach (var column in sourceBatch.Dedicated)
            if (column.Scope == scope && column.Start[row + 1] > column.Start[row])
                AddFromDedicated(column, row);
        EndOwner(before.Attributes);
        if (_repeated is null) return;
        CompleteTexts();
        if (_count - before.Attributes == to - from && sourceBatch.Dedicated.Count == 0) _repeated.Add(batch, row, before, Mark());
    }

    // Adds attributes up to the first that has no column of its own and is neither a text nor an integer of a key that was seen with such:
    // nearly all. Returns the number of that one, or the end. They are parted by type first; then all texts are looked up, one independent
    // of the other, so that the core waits for many at once.
    private int AddKnown(int batch, AttributeColumns source, int from, int to)
    {
        var targets = _keyTargets.Of(batch); // as of now: a key that is met for the first time is not in it
        var parted = Part(source, from, to, targets);
        Dictionaries.Values.Index(batch, source.Values, Strings.Room[..parted.Texts], Strings.Count);
        Strings.Advance(parted.Texts);
        Ints.Advance(parted.Ints);
        _count += parted.Texts + parted.Ints;
        var next = from + parted.Sources;
        if (parted.Sources > parted.Texts + parted.Ints) AddDedicated(batch, source, from, next, targets);
        return next;
    }

    // Puts texts (their codes, as yet) and integers behind the others without a branch by type, which nothing foretells, and passes over
    // what has a column of its own.
    private Parted Part(AttributeColumns source, int from, int to, CodeMap<int>.Codes targets)
    {
        var room = to - from;
        ReserveAttributes(_count + room);
        _isArray.AsSpan(_count, room).Clear();
        Strings.Reserve(room);
        Ints.Reserve(room);
        // Safe: each of these spans is room long, which nothing below goes beyond.
        ref var sourceKeys = ref MemoryMarshal.GetReference(source.Keys.AsSpan(from, room));
        ref var types = ref MemoryMarshal.GetReference(source.Types.AsSpan(from, room));
        ref var bits = ref MemoryMarshal.GetReference(source.Bits.AsSpan(from, room));
        ref var keys = ref MemoryMarshal.GetReference(_keys.AsSpan(_count, room));
        ref var textThings = ref MemoryMarshal.GetReference(Strings.RoomOfThings);
        ref var texts = ref MemoryMarshal.GetReference(Strings.Room);
        ref var intThings = ref MemoryMarshal.GetReference(Ints.RoomOfThings);
        ref var ints = ref MemoryMarshal.GetReference(Ints.Room);
        var first = _count;
        nint i, textCount = 0, intCount = 0;
        for (i = 0; i < room; i++)
        {
            // Targets below 0: see KeyTarget.
            var target = targets.Find(Unsafe.Add(ref sourceKeys, i));
            var type = (int)Unsafe.Add(ref types, i);
            if (target < 0) continue;
            if (((ulong)target >> (FirstSeenBit + type) & 1) == 0) break;
            var n = textCount + intCount;
            var value = Unsafe.Add(ref bits, i);
            nint isText = type == (int)AttributeType.String ? 1 : 0;
            Unsafe.Add(ref keys, n) = (target & TargetMask) - 1;
            Unsafe.Add(ref textThings, textCount) = first + (int)n;
            Unsafe.Add(ref texts, textCount) = (int)value;
            Unsafe.Add(ref intThings, intCount) = first + (int)n;
            Unsafe.Add(ref ints, intCount) = value;
            textCount += isText;
            intCount += 1 - isText;
        }

        return new Parted((int)i, (int)textCount, (int)intCount);
    }

    private void AddDedicated(int batch, AttributeColumns source, int from, int to, in CodeMap<int>.Codes targets)
    {
        for (var i = from; i < to; i++)
            if (targets.Find(source.Keys[i]) is < 0 and var target) AddTo(_dedicated[-target - 2], batch, source, i);
    }

    /// <summary>The owners so far are all of a trace: texts that were new in it are looked up, and count for the page.</summary>
    public void CompleteTexts() => Dictionaries.Values.Resolve(Strings.Places);

    private void AddAgain(in StagedOwner staged)
    {
        var (from, to) = (staged.Before, staged.After);
        var count = to.Attributes - from.Attributes;
        var shift = _count - from.Attributes;
        ReserveAttributes(_count + count);
        _keys.AsSpan(from.Attributes, count).CopyTo(_keys.AsSpan(_count));
        _isArray.AsSpan(from.Attributes, count).CopyTo(_isArray.AsSpan(_count));
        Strings.AddAgain(from.Strings, to.Strings, shift);
        Ints.AddAgain(from.Ints, to.Ints, shift);
        _load.TextBytes += to.TextBytes - from.TextBytes;
        _load.EntryCount += to.Entries - from.Entries;
        _count += count;
        EndOwner(_count - count);
    }

    private void EndOwner(int firstAttribute)
    {
        GrowableArray.Reserve(ref _countOfOwner, _ownerCount + 1);
        _countOfOwner[_ownerCount++] = _count - firstAttribute;
    }

    // Of values only texts and integers are remembered: an owner with others is staged each time.
    private StageMark Mark() =>
        new(_count, Strings.Count, Ints.Count, Doubles.Count + Bools.Count + Unsupported.Count, _load.TextBytes, _load.EntryCount);

    /// <summary>
    /// All owners of the page were added: computes the levels of the attributes, those of their values are made when they are
    /// written; and counts the values.
    /// </summary>
    public void Complete()
    {
        Levels.Expand(_owners, _countOfOwner.AsSpan(0, _ownerCount));
        Ints.Complete();
        Facts.AddOwners(Keys);
        Facts.AddTexts(Keys, Strings.Things, Strings.Values);
        Facts.AddInts(Keys, Ints.Things, Ints.Indexes, Ints.Values);
        foreach (var stage in _dedicated) stage.Complete();
    }

    private void Add(int batch, AttributeColumns source, int i)
    {
        var type = source.Types[i];
        var target = KeyTarget(batch, source, source.Keys[i], type);
        if (target < 0) AddTo(_dedicated[~target], batch, source, i);
        else Add(batch, source, i, type, target);
    }

    // To the column of its own, or among the others if that does not take it.
    private void AddTo(DedicatedStage stage, int batch, AttributeColumns source, int i)
    {
        var type = source.Types[i];
        if (!TryAddToDedicated(stage, batch, source, i, type)) Add(batch, source, i, type, Dictionaries.Keys.Index(source.Key(i)));
    }

    // A target is a key's dictionary index, or the complement of the number of its dedicated column. Stored + 1 or - 1 so
    // that 0 stays "not seen".
    private int KeyTarget(int batch, AttributeColumns source, int code, AttributeType type)
    {
        ref var known = ref _keyTargets[batch, code];
        if (known == 0)
        {
            var key = source.KeyTable[code];
            var stage = FindDedicated(key);
            known = stage >= 0 ? ~stage - 1 : Dictionaries.Keys.Index(key) + 1;
        }

        if (known < 0) return known + 1;
        known |= type == AttributeType.String ? TextSeen : type == AttributeType.Int ? IntSeen : 0;
        return (known & TargetMask) - 1;
    }

    private int FindDedicated(ReadOnlySpan<byte> key)
    {
        for (var i = 0; i < _dedicated.Length; i++)
            if (_dedicated[i].Is(key))
                return i;
        return -1;
    }

    private bool TryAddToDedicated(DedicatedStage stage, int batch, AttributeColumns source, int i, AttributeType type)
    {
        var owner = _ownerCount;
        if (!stage.Takes(owner, 1)) return false;
        if (stage.Leaf.Type == AttributeType.Int)
        {
            if (type == AttributeType.Int) stage.AddInt(owner, source.Bits[i]);
            else if (type == AttributeType.IntArray && source.ArrayItems(i) is { Length: > 1 } items && stage.Takes(owner, items.Length))
                stage.AddInts(owner, items);
            else return false;
            return true;
        }

        if (type == AttributeType.String) stage.AddString(owner, batch, source.Values, (int)source.Bits[i]);
        else if (type == AttributeType.StringArray && source.ArrayItems(i) is { Length: > 1 } items && stage.Takes(owner, items.Length))
            stage.AddStrings(owner, batch, source.Values, items);
        else return false;
        return true;
    }

    private void Add(int batch, AttributeColumns source, int i, AttributeType type, int key)
    {
        var n = Begin(key, type is >= AttributeType.StringArray and <= AttributeType.EmptyArray);
        Facts.AddKey(key, FactTypes[(int)type], ownerCount: 0); // see Complete
        switch (type)
        {
            case AttributeType.String:
                AddText(n, batch, source, (int)source.Bits[i]);
                break;
            case AttributeType.Int:
                Ints.Add(n, source.Bits[i]);
                break;
            case AttributeType.Double:
                AddDouble(n, key, source.Bits[i]);
                break;
            case AttributeType.Bool:
                AddBool(n, key, source.Bits[i]);
                break;
            case AttributeType.StringArray:
                foreach (var item in ArrayItems(source, i)) AddText(n, batch, source, (int)item);
                break;
            case AttributeType.IntArray:
                foreach (var item in ArrayItems(source, i)) Ints.Add(n, item);
                break;
            case AttributeType.DoubleArray:
                foreach (var item in ArrayItems(source, i)) AddDouble(n, key, item);
                break;
            case AttributeType.BoolArray:
                foreach (var item in ArrayItems(source, i)) AddBool(n, key, item);
                break;
            case AttributeType.AnyValue:
                Unsupported.Add(n, Dictionaries.UnsupportedOfMessage(source.String(i)));
                break;
            case AttributeType.AnyValueJson:
                Unsupported.Add(n, Dictionaries.Unsupported.Index(source.String(i)));
                break;
        }
    }

    private void AddText(int n, int batch, AttributeColumns source, int code)
    {
        Dictionaries.Values.Await(batch, source.Values, code, Strings.Count);
        Strings.Add(n, 0);
    }

    private void AddDouble(int n, int key, long bits)
    {
        Doubles.Add(n, BitConverter.Int64BitsToDouble(bits));
        Facts.AddDouble(key, bits);
    }

    private void AddBool(int n, int key, long value)
    {
        Bools.Add(n, (byte)value);
        Facts.AddBool(key, (value & 1) != 0);
    }

    private ReadOnlySpan<long> ArrayItems(AttributeColumns source, int i)
    {
        var items = source.ArrayItems(i);
        _load.EntryCount += items.Length;
        return items;
    }

    // A value that the source block keeps in a column of its own: to ours if we have one for that key, else generic.
    private void AddFromDedicated(DedicatedColumn column, int row)
    {
        var values = column.Bits.AsSpan(column.Start[row], column.Start[row + 1] - column.Start[row]);
        foreach (var stage in _dedicated)
        {
            if (stage.Leaf.Type != column.Type || !stage.Is(column.Key) || !stage.Takes(_ownerCount, values.Length)) continue;
            if (column.Type == AttributeType.Int) stage.AddInts(_ownerCount, values);
            else foreach (var value in values) stage.AddText(_ownerCount, column.Values[(int)value]);
            return;
        }

        CompleteTexts();
        ReserveAttributes(_count + 1);
        _load.EntryCount += values.Length;
        var key = Dictionaries.Keys.Index(column.Key);
        var n = Begin(key, isArray: values.Length > 1);
        Facts.AddKey(key, column.Type == AttributeType.Int ? CatalogTypes.Int : CatalogTypes.Text, ownerCount: 0);
        foreach (var value in values)
            if (column.Type == AttributeType.Int) Ints.Add(n, value);
            else Strings.Add(n, Dictionaries.Values.Index(column.Values[(int)value]));
    }

    private int Begin(int key, bool isArray)
    {
        var n = _count++;
        _keys[n] = key;
        _isArray[n] = isArray ? (byte)1 : (byte)0;
        return n;
    }

    private void ReserveAttributes(int count)
    {
        GrowableArray.Reserve(ref _isArray, count);
        GrowableArray.Reserve(ref _keys, count);
    }

    /// <summary>How many attributes were looked at, and how many of them were put among the texts and among the integers.</summary>
    private readonly record struct Parted(int Sources, int Texts, int Ints);
}
