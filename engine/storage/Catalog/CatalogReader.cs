using System.Buffers.Binary;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>
/// Walks a block's catalog (Sidecar/FORMAT.md, decompressed) key by key; values are passed over unless they are asked for.
/// Bytes that make no sense end the walk and are reported by <see cref="IsMalformed"/>.
/// </summary>
public ref struct CatalogReader
{
    private readonly long _keyCount;
    private ReadOnlySpan<byte> _rest;
    private long _next;
    private ReadOnlySpan<byte> _values;
    private long _valuesLeft;

    public CatalogReader(ReadOnlySpan<byte> catalog)
    {
        _rest = catalog;
        HasAllKeys = TryReadNumber(ref _rest, out var isCut) && isCut == 0;
        if (!TryReadNumber(ref _rest, out _keyCount)) IsMalformed = true;
    }

    /// <summary>Every key of the block is listed.</summary>
    public bool HasAllKeys { get; }
    public bool IsMalformed { get; private set; }

    // The key that MoveNext found.
    public CatalogScope Scope { get; private set; }
    public ReadOnlySpan<byte> Key { get; private set; }
    public CatalogTypes Types { get; private set; }

    /// <summary>Spans (resources, scopes, events, links) that have the key.</summary>
    public long OwnerCount { get; private set; }

    /// <summary>Different values, estimated if not all are listed.</summary>
    public long DistinctCount { get; private set; }
    public bool HasAllValues { get; private set; }

    /// <summary>Bytes of the key's listed values.</summary>
    public readonly int ValuesSizeBytes => _values.Length;

    /// <summary>To the next key; false at the end.</summary>
    public bool MoveNext()
    {
        if (IsMalformed || _next >= _keyCount) return false;
        _next++;
        if (TryReadKey()) return true;
        IsMalformed = true;
        return false;
    }

    /// <summary>The current key's next value, most frequent first; false at the end.</summary>
    public bool TryReadValue(out CatalogValue value)
    {
        value = default;
        if (_valuesLeft == 0) return false;
        _valuesLeft--;
        if (TryReadValue(ref _values, out value)) return true;
        _valuesLeft = 0;
        IsMalformed = true;
        return false;
    }

    private bool TryReadKey()
    {
        if (_rest.IsEmpty || _rest[0] > (byte)CatalogScope.Intrinsic) return false;
        Scope = (CatalogScope)_rest[0];
        _rest = _rest[1..];
        if (!TryReadBytes(ref _rest, out var key)
            || !TryReadNumber(ref _rest, out var types)
            || !TryReadNumber(ref _rest, out var owners)
            || !TryReadNumber(ref _rest, out var distinct)
            || !TryReadNumber(ref _rest, out var hasAll)
            || !TryReadNumber(ref _rest, out _valuesLeft)
            || !TryReadBytes(ref _rest, out _values))
            return false;
        Key = key;
        Types = (CatalogTypes)types;
        OwnerCount = owners;
        DistinctCount = distinct;
        HasAllValues = hasAll == 1;
        return true;
    }

    private static bool TryReadValue(scoped ref ReadOnlySpan<byte> source, out CatalogValue value)
    {
        value = default;
        if (source.IsEmpty || source[0] > (byte)CatalogValueType.Bool) return false;
        var type = (CatalogValueType)source[0];
        source = source[1..];
        ReadOnlySpan<byte> text = default;
        long bits = 0;
        if (type == CatalogValueType.Text)
        {
            if (!TryReadBytes(ref source, out text)) return false;
        }
        else
        {
            if (!BinaryPrimitives.TryReadInt64LittleEndian(source, out bits)) return false;
            source = source[8..];
        }

        if (!TryReadNumber(ref source, out var count)) return false;
        value = new CatalogValue(type, text, bits, count);
        return true;
    }

    private static bool TryReadBytes(scoped ref ReadOnlySpan<byte> source, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!TryReadNumber(ref source, out var length) || length > source.Length) return false;
        bytes = source[..(int)length];
        source = source[(int)length..];
        return true;
    }

    private static bool TryReadNumber(scoped ref ReadOnlySpan<byte> source, out long number)
    {
        var size = Varint.Decode(source, out var value);
        number = (long)value;
        if (size <= 0 || number < 0) return false;
        source = source[size..];
        return true;
    }
}
