using System;

namespace Notes
{
    public class Store
    {
        public string Name { get; set; }

        public void Add(string text)
        {
            Console.WriteLine(text);
        }
    }

    public enum Kind
    {
        Note,
        Task,
    }
}
