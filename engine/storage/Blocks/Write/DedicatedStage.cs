using System.Text;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>A column of one attribute for the rows of a page.</summary>
internal sealed class DedicatedStage(AttributeLeaf leaf, LevelStream owners, PageLoad load, LevelMemory memory)
{
    private readonly ValueStage<int> _texts = new(owners, leaf.IsRepeated, memory);
    private readonly bool _isRepeated = leaf.IsRepeated;
    private int _lastOwner = -1;

    public AttributeLeaf Leaf { get; } = leaf;

    /// <summary>The attribute's key, UTF-8; null if none is assigned: then there are no values.</summary>
    public byte[]? Key { get; } = leaf.Key is null ? null : Encoding.UTF8.GetBytes(leaf.Key);

    public StringDictionary Strings { get; } = new(load);

    /// <summary>The values of a column of integers, and their dictionary.</summary>
    public IntStage Ints { get; } = new(owners, leaf.IsRepeated, memory);

    /// <summary>What the row group has of it, as key 0.</summary>
    public AttributeFacts Facts { get; } = new();

    /// <summary>Of a column of text.</summary>
    /// <inheritdoc cref="ValueStage{T}.Levels"/>
    public LevelStream Levels => _texts.Levels;

    /// <summary>Indexes into <see cref="Strings"/>.</summary>
    public ReadOnlySpan<int> Texts => _texts.Values;

    /// <summary>Takes that many values of the owner: it has none here yet.</summary>
    public bool Takes(int owner, int count) => owner != _lastOwner && (count == 1 || (_isRepeated && count > 1));

    public bool Is(ReadOnlySpan<byte> key) => Key is not null && key.SequenceEqual(Key);

    public void AddInt(int owner, long value)
    {
        BeginValue(owner, CatalogTypes.Int);
        Ints.Add(owner, value);
    }

    public void AddInts(int owner, ReadOnlySpan<long> values)
    {
        foreach (var value in values) AddInt(owner, value);
    }

    public void AddString(int owner, int batch, StringTable table, int code) => AddIndex(owner, Strings.Index(batch, table, code));

    public void AddStrings(int owner, int batch, StringTable table, ReadOnlySpan<long> codes)
    {
        foreach (var code in codes) AddString(owner, batch, table, (int)code);
    }

    public void AddText(int owner, ReadOnlySpan<byte> text) => AddIndex(owner, Strings.Index(text));

    /// <summary>All rows of the page were added.</summary>
    public void Complete()
    {
        Ints.Complete();
        if (Leaf.Type == AttributeType.Int) Facts.AddInts(0, Ints.Indexes, Ints.Values);
        else Facts.AddTexts(0, Texts);
    }

    /// <summary>Forgets the rows of the last page.</summary>
    public void Clear()
    {
        _lastOwner = -1;
        _texts.Clear();
        Ints.Clear();
    }

    public void ClearDictionary()
    {
        Strings.Clear();
        Ints.ClearDictionary();
        Facts.Clear();
    }

    private void AddIndex(int owner, int index)
    {
        BeginValue(owner, CatalogTypes.Text);
        _texts.Add(owner, index);
    }

    private void BeginValue(int owner, CatalogTypes type)
    {
        if (owner != _lastOwner) Facts.AddKey(0, type, ownerCount: 1);
        _lastOwner = owner;
        load.EntryCount++;
    }
}
