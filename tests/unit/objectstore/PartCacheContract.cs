using System.Security.Cryptography;

namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>What every <see cref="IPartCache"/> does. One class per implementation derives from it.</summary>
public abstract class PartCacheContract
{
    protected abstract IPartCache Cache { get; }

    /// <summary>Damages what is kept of every part, behind the cache's back.</summary>
    protected abstract Task DamageAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(CachedObjectReader.ChunkBytes)]
    public async Task What_was_put_is_got_under_its_name_only(int size)
    {
        var content = RandomNumberGenerator.GetBytes(size);
        await Cache.PutAsync("tenant/block/data.parquet:7", content, default);

        Assert.Equal(content, (await Cache.TryGetAsync("tenant/block/data.parquet:7", default))!.Value.ToArray());
        Assert.Null(await Cache.TryGetAsync("tenant/block/data.parquet:8", default));
    }

    [Fact]
    public async Task Names_of_any_letters_and_length_are_kept_apart()
    {
        string[] names = ["te nant/b:1", "te\u00e4nant/b:1", "te\r\nnant/b:1", new string('x', 300) + "1", new string('x', 300) + "2"];
        foreach (var name in names) await Cache.PutAsync(name, BitConverter.GetBytes(name.Length + name[^1]), default);
        foreach (var name in names)
            Assert.Equal(name.Length + name[^1], BitConverter.ToInt32((await Cache.TryGetAsync(name, default))!.Value.Span));
    }

    [Fact]
    public async Task Damage_is_as_if_it_were_not_there_and_it_can_be_put_again()
    {
        await Cache.PutAsync("a", new byte[1000], default);
        await DamageAsync();
        Assert.Null(await Cache.TryGetAsync("a", default));

        await Cache.PutAsync("a", new byte[1000], default);
        // A cache over a network may keep the first, damaged one; one that knows keeps the second.
        var again = await Cache.TryGetAsync("a", default);
        Assert.True(again is null || again.Value.Length == 1000);
    }

    [Fact]
    public async Task Many_at_once_do_not_mix()
    {
        await Parallel.ForAsync(0, 64, async (i, token) =>
        {
            var content = new byte[10_000 + i];
            Array.Fill(content, (byte)i);
            await Cache.PutAsync($"many:{i}", content, token);
            Assert.Equal(content, (await Cache.TryGetAsync($"many:{i}", token))!.Value.ToArray());
        });
    }
}
