namespace Tempo.Engine.Foundation;

/// <summary>The hash of <see cref="KeyedHash"/> for two processes that compare: by a key that both have and nobody else.</summary>
public readonly struct SharedHash(ulong key)
{
    private readonly ulong _key = key;
    private readonly ulong _factor = KeyedHash.FactorOf(key);

    public ulong Of64(ReadOnlySpan<byte> value) => KeyedHash.Of64(value, _key, _factor);

    /// <summary>Of three words.</summary>
    public ulong Of64(ulong a, ulong b, ulong c) => KeyedHash.Of64(a, b, c, _key, _factor);
}
