namespace Tempo.Engine.ObjectStore.Tests;

public sealed class DiskPartCacheTests : PartCacheContract, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tempo-cache-").FullName;
    private DiskPartCache _cache;

    public DiskPartCacheTests() => _cache = DiskPartCache.Open(_folder, 100 << 20);

    protected override IPartCache Cache => _cache;

    [Fact]
    public async Task The_folder_is_taken_over_by_the_next_process_and_by_no_second_one()
    {
        await _cache.PutAsync("a", new byte[1000], default);
        Assert.Throws<IOException>(() => DiskPartCache.Open(_folder, 1 << 20));
        await _cache.DisposeAsync();

        _cache = DiskPartCache.Open(_folder, 100 << 20);
        Assert.Equal(1000, (await _cache.TryGetAsync("a", default))!.Value.Length);
        Assert.InRange(_cache.Bytes, 1000, 1100);
    }

    [Fact]
    public async Task It_stays_within_its_size_and_one_that_is_asked_for_stays()
    {
        await _cache.DisposeAsync();
        _cache = DiskPartCache.Open(_folder, 100_000);
        await _cache.PutAsync("often", new byte[1000], default);
        for (var i = 0; i < 1000; i++)
        {
            Assert.NotNull(await _cache.TryGetAsync("often", default));
            await _cache.PutAsync($"once:{i}", new byte[1000], default);
            Assert.InRange(FileBytes(), 0, 100_000);
        }

        Assert.Equal(_cache.Bytes, FileBytes());
    }

    [Fact]
    public async Task A_smaller_size_removes_the_oldest_and_strange_files_are_left_alone()
    {
        for (var i = 0; i < 20; i++) await _cache.PutAsync($"{i}", new byte[1000], default);
        await _cache.DisposeAsync();
        var mine = Path.Combine(Directory.GetDirectories(_folder)[0], "letter.txt");
        File.WriteAllText(mine, "dear");
        File.WriteAllText(Path.Combine(_folder, "other.txt"), "dear");

        _cache = DiskPartCache.Open(_folder, 15_000);
        Assert.InRange(_cache.Bytes, 1000, 15_000);
        Assert.True(File.Exists(mine) && File.Exists(Path.Combine(_folder, "other.txt")));
    }

    [Fact]
    public async Task Files_that_vanish_are_misses_and_give_their_bytes_back()
    {
        await _cache.PutAsync("a", new byte[1000], default);
        foreach (var folder in Directory.GetDirectories(_folder)) Directory.Delete(folder, recursive: true);
        Assert.Null(await _cache.TryGetAsync("a", default));
        Assert.Equal(0, _cache.Bytes);
        await _cache.PutAsync("a", new byte[1000], default);
        Assert.Equal(1000, (await _cache.TryGetAsync("a", default))!.Value.Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)] // ends within what stands before the content
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(1007)]
    [InlineData(1009)] // has more than was put
    [InlineData(5000)]
    public async Task A_file_that_a_power_cut_left_of_another_length_is_not_there(int length)
    {
        await _cache.PutAsync("a", Enumerable.Repeat((byte)7, 1000).ToArray(), default);
        Change(bytes => [.. bytes.Take(length), .. new byte[Math.Max(0, length - bytes.Length)]]);
        Assert.Null(await _cache.TryGetAsync("a", default));
        Assert.Equal(0, _cache.Bytes);

        await _cache.PutAsync("a", new byte[1000], default);
        Assert.Equal(new byte[1000], (await _cache.TryGetAsync("a", default))!.Value.ToArray());
        Assert.Equal(FileBytes(), _cache.Bytes);
    }

    [Theory]
    [InlineData(0)] // of the mark
    [InlineData(5)] // of the checksum
    [InlineData(8)]
    [InlineData(600)]
    public async Task A_byte_that_is_another_one_is_seen_wherever_it_is(int at)
    {
        await _cache.PutAsync("a", new byte[1000], default);
        Change(bytes =>
        {
            bytes[at] ^= 1;
            return bytes;
        });
        Assert.Null(await _cache.TryGetAsync("a", default));
    }

    [Fact]
    public async Task Parts_that_are_written_read_and_evicted_at_the_same_time_are_whole_or_not_there()
    {
        await _cache.DisposeAsync();
        _cache = DiskPartCache.Open(_folder, 100_000); // room for ten of them
        var there = 0;
        await Parallel.ForAsync(0, 800, async (i, token) =>
        {
            var part = i * 31 % 40;
            var name = $"part:{part}";
            await _cache.PutAsync(name, Enumerable.Repeat((byte)part, 9000 + part).ToArray(), token);
            if (await _cache.TryGetAsync(name, token) is not { } content) return;
            Assert.True(content.Length == 9000 + part && !content.Span.ContainsAnyExcept((byte)part), name);
            Interlocked.Increment(ref there);
        });
        Assert.NotEqual(0, there);
        Assert.InRange(_cache.Bytes, 1, 100_000);
    }

    protected override Task DamageAsync()
    {
        Change(static bytes => [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
        return Task.CompletedTask;
    }

    private void Change(Func<byte[], byte[]> change)
    {
        foreach (var file in Directory.GetFiles(_folder, "*", SearchOption.AllDirectories)
            .Where(static path => Path.GetFileName(path).Length == 32))
            File.WriteAllBytes(file, change(File.ReadAllBytes(file)));
    }

    public void Dispose()
    {
        _cache.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_folder, recursive: true);
    }

    private long FileBytes() => Directory.GetFiles(_folder, "*", SearchOption.AllDirectories).Sum(static path => new FileInfo(path).Length);
}
