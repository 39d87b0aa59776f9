using System;
using System.Linq;

namespace Notes
{
    public class Store
    {
        public string Name { get; set; }

        public void Add(string text)
        {
            Console.WriteLine(text);
        }

        public int Count() => 1;
    }

    public enum Kind
    {
        Note,
        Task,
        Link,
    }
}
