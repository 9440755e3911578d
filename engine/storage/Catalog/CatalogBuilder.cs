using System.Buffers;
using System.Buffers.Binary;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>Collects a block's keys and values, row group by row group. Memory and size are bounded, whatever the spans hold.</summary>
internal sealed class CatalogBuilder
{
    /// <summary>Keys that are listed; a sender that puts ids into keys fills this, and the rest is found by scanning.</summary>
    private const int MaxKeys = 4096;

    /// <summary>Bytes of the values of one key; beyond, only the first of them are listed.</summary>
    private const int MaxKeyValuesBytes = 64 << 10;

    /// <summary>Bytes of all values. A key that comes too late has none, and is scanned for.</summary>
    private const int MaxValuesBytes = 1 << 20;

    // One table of names a scope: a key's place is its code.
    private readonly InternTable[] _names = [.. Enumerable.Range(0, (int)CatalogScope.Intrinsic + 1).Select(static _ => new InternTable(64))];
    private readonly List<CatalogKey?>[] _keys = [.. Enumerable.Range(0, (int)CatalogScope.Intrinsic + 1).Select(static _ => new List<CatalogKey?>())];
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

    /// <summary>The section: a size, then a zstd frame.</summary>
    public byte[] ToSection()
    {
        var catalog = new ArrayBufferWriter<byte>(64 << 10);
        CatalogWriter.WriteHead(catalog, _hasAllKeys, _keyCount);
        var left = MaxValuesBytes;
        for (var scope = 0; scope < _keys.Length; scope++)
            foreach (var key in _keys[scope])
                if (key is not null)
                    Write(catalog, (CatalogScope)scope, key, ref left);
        var section = new byte[4 + Zstd.MaxCompressedLength(catalog.WrittenCount)];
        BinaryPrimitives.WriteInt32LittleEndian(section, catalog.WrittenCount);
        var size = Zstd.Compress(catalog.WrittenSpan, section.AsSpan(4), level: 3);
        return section[..(4 + size)];
    }

    private static void Write(ArrayBufferWriter<byte> catalog, CatalogScope scope, CatalogKey key, ref int left)
    {
        var values = new ArrayBufferWriter<byte>(1024);
        var (count, size) = (0, 0);
        var hasAll = key.HasAllValues;
        var limit = Math.Min(left, MaxKeyValuesBytes);
        foreach (var (type, bits, seen) in key.List())
        {
            CatalogWriter.WriteValue(values, type, type == CatalogValueType.Text ? key.TextOf(bits) : [], bits, seen);
            if (values.WrittenCount > limit)
            {
                hasAll = false;
                break;
            }

            (count, size) = (count + 1, values.WrittenCount);
        }

        left -= size;
        CatalogWriter.WriteKey(catalog, scope, key, count, hasAll, values.WrittenSpan[..size]);
    }
}
