using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

public sealed class RentedInternTableTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_table_in_memory_that_others_had_before_gives_the_codes_of_one_of_its_own(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 20; round++)
        {
            var (count, bytes) = (random.Next(64), random.Next(512));
            var own = new InternTable(count, bytes);
            var rented = new InternTable(count, bytes, isRented: true);
            var texts = random.Next(3000);
            for (var i = 0; i < texts; i++)
            {
                // A third of them are no UTF-8, many come again, and lengths go beyond what is compared at once.
                var text = new byte[random.Next(40)];
                random.NextBytes(text);
                for (var k = 0; k < text.Length; k++) text[k] = i % 3 == 0 ? text[k] : (byte)('a' + text[k] % 3);
                Assert.Equal(own.InternRaw(text), rented.InternRaw(text));
                Assert.Equal(own.TryFind(text), rented.TryFind(text));
            }

            Assert.Equal(own.Count, rented.Count);
            for (var code = 0; code < own.Count; code++) Assert.Equal(own[code], rented[code]);
            rented.Release();
        }
    }
}
