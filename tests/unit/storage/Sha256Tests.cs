using System.Security.Cryptography;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Storage.Tests;

/// <summary>Ids that follow from others are made without the library of cryptography, and are the same as with it.</summary>
public sealed class Sha256Tests
{
    [Fact]
    public void Every_length_has_the_hash_that_the_framework_finds()
    {
        var random = new Random(9);
        for (var length = 0; length < 300; length++)
        {
            var data = new byte[length];
            random.NextBytes(data);
            Assert.Equal(SHA256.HashData(data), Sha256.HashData(data));
        }
    }

    [Fact]
    public void A_known_text_has_its_known_hash() =>
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            Convert.ToHexStringLower(Sha256.HashData(Encoding.ASCII.GetBytes("abc"))));

    [Fact]
    public void Random_bytes_are_others_each_time_and_all_of_them_are_filled()
    {
        var (first, second) = (new byte[256], new byte[256]);
        KernelRandom.Fill(first);
        KernelRandom.Fill(second);
        Assert.NotEqual(first, second);
        // That one of 64 tails of 4 bytes is all zero by chance is one in 67 million.
        Assert.DoesNotContain(first.Chunk(4), static part => part.All(static b => b == 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelRandom.Fill(new byte[257]));
    }
}
