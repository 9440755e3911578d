using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Ring.Hashing;

/// <summary>
/// Places on the ring: 32 bits, the same on every node and in every version. FNV-1a over the bytes of names, then a finalizer, so
/// that names that differ in a digit lie far from each other.
/// </summary>
public static class RingHash
{
    private const ulong Offset = 14695981039346656037UL;
    private const ulong Prime = 1099511628211UL;

    /// <summary>
    /// Place of a trace: the <see cref="OfText"/> of its tenant has a part in it, so that tenants with equal ids do not meet on one node.
    /// </summary>
    public static uint Of(ulong tenant, TraceId trace) => Fold(tenant ^ trace.Mix());

    /// <summary>Place of something with a name and a number, such as a window of a tenant's blocks.</summary>
    public static uint Of(string name, long number) => Fold(OfText(name) ^ (ulong)number * 0x9E3779B97F4A7C15UL);

    /// <summary>
    /// The tokens of a member. They follow from its name: a node that comes back has the places that it had, without a file, and
    /// nobody has to tell them to the others.
    /// </summary>
    public static uint[] TokensOf(string member, int count)
    {
        var name = OfText(member);
        var tokens = new uint[count];
        for (var i = 0; i < count; i++) tokens[i] = Fold(name + (ulong)(i + 1) * 0x9E3779B97F4A7C15UL);
        return tokens;
    }

    /// <summary>64 bits of a name.</summary>
    public static ulong OfText(string text)
    {
        var hash = Offset;
        foreach (var b in Encoding.UTF8.GetBytes(text)) hash = (hash ^ b) * Prime;
        return hash;
    }

    // The finalizer of splitmix64.
    private static uint Fold(ulong hash)
    {
        hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9UL;
        hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBUL;
        return (uint)((hash ^ (hash >> 31)) >> 32);
    }
}
