using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>Collects a block's keys and values, row group by row group. Memory and size are bounded, whatever the spans hold.</summary>
internal sealed class CatalogBuilder : IDisposable
{
    /// <summary>Keys that are listed; a sender that puts ids into keys fills this, and the rest is found by scanning.</summary>
    private const int MaxKeys = 4096;

    /// <summary>Bytes of the values of one key; beyond, only the first of them are listed.</summary>
    private const int MaxKeyValuesBytes = 64 << 10;

    /// <summary>Bytes of all values. A key that comes too late has none, and is scanned for.</summary>
    private const int MaxValuesBytes = 1 << 20;

    // One table of names a scope: a key's place is its code.
    private readonly InternTable[] _names =
        [.. Enumerable.Range(0, (int)CatalogScope.Intrinsic + 1).Select(static _ => new InternTable(64))];
    private readonly List<CatalogKey?>[] _keys =
        [.. Enumerable.Range(0, (int)CatalogScope.Intrinsic + 1).Select(static _ => new List<CatalogKey?>())];
    private readonly CatalogBudget _budget = new();
    private int _keyCount;
    private bool _hasAllKeys = true;

    /// <summary>The key to add to; null if there are too many already.</summary>
    public CatalogKey? Find(CatalogScope scope, ReadOnlySpan<byte> key)
    {
        var keys = _keys[(int)scope];
        var code = _names[(int)scope].TryFind(key);
        if (code >= 0 && code < keys.Count && keys[code] is { } known) return known;
        if (_keyCount >= MaxKeys)
        {
            _hasAllKeys = false;
            return null;
        }

        _keyCount++;
        code = _names[(int)scope].Intern(key);
        while (keys.Count <= code) keys.Add(null);
        return keys[code] = new CatalogKey(key.ToArray(), _budget);
    }

    /// <summary>
    /// Writes the section: a size, then a zstd frame. A catalog is a megabyte before it is compressed, and there is one for each cut: in
    /// native memory, which goes back at once.
    /// </summary>
    public void WriteSection(NativeBuffer section)
    {
        using var catalog = new NativeBuffer();
        using var values = new NativeBuffer();
        CatalogWriter.WriteHead(catalog, _hasAllKeys, _keyCount);
        var left = MaxValuesBytes;
        CountedValue[] listed = [];
        for (var scope = 0; scope < _keys.Length; scope++)
            foreach (var key in _keys[scope])
                if (key is not null)
                    Write(catalog, (CatalogScope)scope, key, values, ref left, ref listed);
        BinaryPrimitives.WriteInt32LittleEndian(section.GetSpan(4), catalog.Length);
        section.Advance(4);
        section.Advance(Zstd.Compress(catalog.Written, section.GetSpan(Zstd.MaxCompressedLength(catalog.Length)), level: 3));
    }

    /// <summary>Gives back the memory of the values.</summary>
    public void Dispose()
    {
        foreach (var keys in _keys)
        {
            foreach (var key in keys) key?.Release();
            keys.Clear();
        }

        _keyCount = 0;
    }

    private static void Write(
        NativeBuffer catalog, CatalogScope scope, CatalogKey key, NativeBuffer values, ref int left, ref CountedValue[] listed)
    {
        values.Clear();
        var (count, size) = (0, 0);
        var hasAll = key.HasAllValues;
        var limit = Math.Min(left, MaxKeyValuesBytes);
        foreach (ref readonly var value in key.List(ref listed))
        {
            CatalogWriter.WriteValue(
                values, value.Type, value.Type == CatalogValueType.Text ? key.TextOf(value.Bits) : [], value.Bits, value.Count);
            if (values.Length > limit)
            {
                hasAll = false;
                break;
            }

            (count, size) = (count + 1, values.Length);
        }

        left -= size;
        CatalogWriter.WriteKey(catalog, scope, key, count, hasAll, values.Written[..size]);
    }
}
