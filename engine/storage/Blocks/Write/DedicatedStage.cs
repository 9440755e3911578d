using System.Text;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>A column of one attribute for the rows of a page.</summary>
internal sealed class DedicatedStage(AttributeLeaf leaf, LevelStream owners, PageLoad load, LevelMemory memory)
{
    private readonly ValueStage<long> _values = new(owners, leaf.IsRepeated, memory);
    private readonly bool _isRepeated = leaf.IsRepeated;
    private int _owner = -1;

    public AttributeLeaf Leaf { get; } = leaf;

    /// <summary>The attribute's key, UTF-8; null if none is assigned: then there are no values.</summary>
    public byte[]? Key { get; } = leaf.Key is null ? null : Encoding.UTF8.GetBytes(leaf.Key);

    public StringDictionary Strings { get; } = new(load);

    public NumberDictionary Ints { get; } = new();

    /// <summary>What the row group has of it, as key 0.</summary>
    public AttributeFacts Facts { get; } = new();

    /// <inheritdoc cref="ValueStage{T}.Levels"/>
    public LevelStream Levels => _values.Levels;

    /// <summary>Numbers, or indexes into <see cref="Strings"/>.</summary>
    public ReadOnlySpan<long> Values => _values.Values;

    /// <summary>The current owner has no value here yet.</summary>
    public bool IsFree { get; private set; }

    /// <summary>Takes that many values of one owner.</summary>
    public bool Takes(int count) => IsFree && (count == 1 || (_isRepeated && count > 1));

    public bool Is(ReadOnlySpan<byte> key) => Key is not null && key.SequenceEqual(Key);

    public void BeginOwner()
    {
        _owner++;
        IsFree = true;
    }

    public void AddInt(long value)
    {
        Facts.AddNumber(0, CatalogValueType.Int, value);
        Add(value);
    }

    public void AddInts(ReadOnlySpan<long> values)
    {
        foreach (var value in values) AddInt(value);
    }

    public void AddString(int batch, StringTable table, int code) => AddIndex(Strings.Index(batch, table, code));

    public void AddStrings(int batch, StringTable table, ReadOnlySpan<long> codes)
    {
        foreach (var code in codes) AddString(batch, table, (int)code);
    }

    public void AddText(ReadOnlySpan<byte> text) => AddIndex(Strings.Index(text));

    public void Clear()
    {
        _owner = -1;
        _values.Clear();
    }

    public void ClearDictionary()
    {
        Strings.Clear();
        Ints.Clear();
        Facts.Clear();
    }

    private void AddIndex(int index)
    {
        Facts.AddText(0, index);
        Add(index);
    }

    private void Add(long value)
    {
        if (IsFree) Facts.AddKey(0, Leaf.Type == AttributeType.Int ? CatalogTypes.Int : CatalogTypes.Text);
        IsFree = false;
        load.EntryCount++;
        _values.Add(_owner, value);
    }
}
